"""Receives webhooks, and keeps the deploys that they ask for until those can start."""
