"""Samples, their tiers, the index of containers, and counters."""
