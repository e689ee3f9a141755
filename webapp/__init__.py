"""The web app: a thin Flask layer with JSON endpoints and pages."""
