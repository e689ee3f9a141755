"""tiers of samples: sums over containers, by minute, quarter of an hour and hour"""

import sqlalchemy as sa
from alembic import op

revision = "0003_tiers"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Empty: housekeeping fills the tiers from the existing samples, and reads do without until then."""
    op.create_table(
        "container_stats_tiers",
        sa.Column("owner_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("width", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ts", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("deploy_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("ticks", sa.Integer(), nullable=False),
        sa.Column("cpu_ticks", sa.Integer(), nullable=False),
        sa.Column("cpu_sum", sa.Float(), nullable=False),
        sa.Column("cpu_max", sa.Float(), nullable=True),
        sa.Column("memory_sum", sa.BigInteger(), nullable=False),
        sa.Column("memory_max", sa.BigInteger(), nullable=False),
        sa.Column("memory_limit", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("owner_id", "width", "ts", "deploy_version"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "container_stats_tier_marks",
        sa.Column("owner_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("width", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("pruned", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "width"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Revert."""
    op.drop_table("container_stats_tier_marks")
    op.drop_table("container_stats_tiers")
