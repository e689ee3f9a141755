"""Replacing one version by another: plan, both kinds of rollout, health gate, recovery."""
