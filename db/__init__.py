"""The ledger: SQLAlchemy models, queries and migrations. Knows no Docker, Prefect or Flask."""
