"""since when a row is verified, or known not to be"""

import sqlalchemy as sa
from alembic import op

revision = "0009_verified_since"
down_revision = "0008_hooks"
branch_labels = None
depends_on = None

AT_ITS_END = "UPDATE deploy_history SET verified_since = finished_at WHERE verified IS NOT NULL"
# Later findings are in the event log.
FOUND_OUT = """
UPDATE deploy_history SET verified_since = coalesce((
    SELECT max(e.ts) FROM event_log e
    WHERE e.workload_id = deploy_history.workload_id AND e.ts > deploy_history.finished_at
    AND e.code = CASE WHEN deploy_history.verified THEN 'as_pinned_again' ELSE 'drifted' END
), finished_at) WHERE live
"""


def upgrade() -> None:
    """Apply. An existing row keeps the result of its end, or of the latest finding since."""
    op.add_column("deploy_history", sa.Column("verified_since", sa.DateTime(timezone=True), nullable=True))
    op.execute(AT_ITS_END)
    op.execute(FOUND_OUT)


def downgrade() -> None:
    """Revert."""
    op.drop_column("deploy_history", "verified_since")
