"""The layer around every request: authentication, permissions, parameters, responses and errors."""
