"""The effect of a deploy on CPU and memory."""
