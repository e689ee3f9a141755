"""The way of a deploy: Prefect flows that run tasks in order, the engine that executes them, and the CLI."""
