"""the code and the parameters of a line of the event log"""

import sqlalchemy as sa
from alembic import op

revision = "0005_event_sentences"
down_revision = "0004_impact"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Existing lines keep only their English text."""
    op.add_column("event_log", sa.Column("code", sa.String(length=40), nullable=True))
    op.add_column("event_log", sa.Column("params", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Revert."""
    op.drop_column("event_log", "params")
    op.drop_column("event_log", "code")
