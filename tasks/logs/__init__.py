"""What may be logged, and what is redacted first."""
