"""The Docker Engine client: the only door to Docker."""
