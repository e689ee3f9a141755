"""what a line of the event log was made of: its code and what was filled in"""

import sqlalchemy as sa
from alembic import op

revision = "0005_event_sentences"
down_revision = "0004_impact"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Lines that are there keep their English text alone."""
    op.add_column("event_log", sa.Column("code", sa.String(length=40), nullable=True))
    op.add_column("event_log", sa.Column("params", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("event_log", "params")
    op.drop_column("event_log", "code")
