"""The shapes of answers, as the API describes them."""
