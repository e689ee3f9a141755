"""Images: build, reuse, keep, remove, and whether they are still available."""
