"""Facts in the form that a page shows."""
