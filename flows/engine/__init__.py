"""The warm process: the Prefect worker, the flows it serves, their registration."""
