"""The shapes of rows and webhooks that the API, the CLI and the pages all show."""
