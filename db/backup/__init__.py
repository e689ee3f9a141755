"""A copy of the ledger, and the archive file that it goes into."""
