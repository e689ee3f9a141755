"""Creates, changes and removes workloads; applies a spec file; takes uploads."""
