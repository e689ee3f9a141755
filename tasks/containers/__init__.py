"""Makes the containers of a workload match the ledger, and looks at them."""
