"""The status of a workload now: its codes, what is stored of it, and how it is read."""
