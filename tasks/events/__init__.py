"""Docker events, turned into facts."""
