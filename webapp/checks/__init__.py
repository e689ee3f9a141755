"""Is it up? Asked briefly."""
