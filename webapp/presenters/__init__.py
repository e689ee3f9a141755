"""Presents facts as a page shows them."""
