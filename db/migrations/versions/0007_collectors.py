"""the collector's figures about itself"""

import sqlalchemy as sa
from alembic import op

revision = "0007_collectors"
down_revision = "0006_git_credentials"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "collectors",
        sa.Column("host", sa.String(length=40), nullable=False),
        sa.Column("ts", sa.BigInteger(), nullable=False),
        sa.Column("interval_s", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=10), nullable=False),
        sa.Column("containers", sa.Integer(), nullable=False),
        sa.Column("gaps", sa.Integer(), nullable=False),
        sa.Column("sweep_ms", sa.Float(), nullable=False),
        sa.Column("ticks_total", sa.BigInteger(), nullable=False),
        sa.Column("missed_total", sa.BigInteger(), nullable=False),
        sa.Column("samples_total", sa.BigInteger(), nullable=False),
        sa.Column("gaps_total", sa.BigInteger(), nullable=False),
        sa.Column("sweep_ms_total", sa.Float(), nullable=False),
        sa.Column("cpu_s_total", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("host"),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_table("collectors")
