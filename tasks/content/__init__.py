"""Uploaded files, stored by their hash."""
