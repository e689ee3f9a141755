"""Other programs, and locks between processes."""
