"""A compose file is read: what Docker Compose may open, what it renders, and every reason against it."""
