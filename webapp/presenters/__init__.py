"""Turns facts into what a page shows."""
