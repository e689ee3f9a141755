"""The Docker Engine client: the only access to Docker."""
