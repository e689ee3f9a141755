"""What a deploy did to CPU and memory."""
