"""The stories: Prefect flows that give tasks their order, the engine that runs them, and the CLI."""
