"""Side effects with names (Docker Engine, probes, cgroups) and, beside them, the pure decisions."""
