"""The form for a spec: its fields as data, inputs into a spec, a spec into inputs, and refusals beside their fields."""
