"""The containers of a workload: converging them on the ledger, and reading their state."""
