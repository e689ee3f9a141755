"""Docker Compose: reading its files, what of them is let through, and several containers as one release."""
