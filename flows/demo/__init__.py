"""`make demo`: a workload deployed for real."""
