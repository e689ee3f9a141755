"""Resource use, from the cgroup file to the point of a chart."""
