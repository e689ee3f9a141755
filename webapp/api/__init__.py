"""The JSON endpoints, one file per resource."""
