"""What may be written down, and what is taken out before."""
