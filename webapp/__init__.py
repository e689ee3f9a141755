"""The window: a thin Flask app with JSON endpoints and panels."""
