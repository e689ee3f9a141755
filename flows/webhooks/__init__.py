"""Receives webhooks, and stores the deploys that they request until those can start."""
