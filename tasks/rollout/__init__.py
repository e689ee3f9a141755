"""Replaces one version by another: plan, both ways of doing it, health gate, recovery."""
