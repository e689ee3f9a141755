"""Every sentence that a person can read: error codes, and the event log."""
