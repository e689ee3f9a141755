"""containers that others started"""

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0011_adopted"
down_revision = "0010_hook_paths"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "adopted_containers",
        sa.Column("docker_id", sa.String(64), primary_key=True),
        sa.Column("workload_id", ID, sa.ForeignKey("workloads.id", ondelete="CASCADE"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("service", sa.String(100), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
    )
    op.create_index("ix_adopted_workload", "adopted_containers", ["workload_id"])


def downgrade() -> None:
    """Revert."""
    op.drop_table("adopted_containers")
