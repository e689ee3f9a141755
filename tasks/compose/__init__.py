"""Docker Compose: reading its files, deciding what they may do, and several containers as one release."""
