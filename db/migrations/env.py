"""The Alembic environment: runs the migrations over the connection that db.migrate passes in."""

from alembic import context

from db.models import Workload

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Workload.metadata, render_as_batch=True, compare_type=True)
context.run_migrations()
