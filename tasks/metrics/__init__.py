"""Resource use, from the cgroup file to the points of a chart."""
