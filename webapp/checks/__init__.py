"""Quick checks of services and flow runs."""
