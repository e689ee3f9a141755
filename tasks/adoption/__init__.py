"""Containers that others started, as specs: reading them, mapping them, and naming what a spec cannot say."""
