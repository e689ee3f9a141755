"""The hands: side effects with names (Docker Engine, probes, cgroups) and the pure decisions beside them."""
