"""Uploaded files, kept by their hash."""
