"""Git repositories, read by commit."""
