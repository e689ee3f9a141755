"""WorkloadLocks facts into what a page shows."""
