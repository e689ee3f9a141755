"""A spec as a form: its fields as data, texts into a spec, a spec into texts, and refusals beside their fields."""
