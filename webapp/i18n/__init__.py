"""Languages and labels."""
