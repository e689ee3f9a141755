"""Languages and words."""
