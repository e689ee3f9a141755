"""Measurements, printed as ratios beside a baseline of the same run. Scripts, not tests: nothing here is asserted."""
