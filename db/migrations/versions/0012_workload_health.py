"""what the last look at the containers of a live version came to"""

import sqlalchemy as sa
from alembic import op

revision = "0012_workload_health"
down_revision = "0011_adopted"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Nothing is known of an existing workload until the engine looks at it, which it does at its start."""
    op.create_table(
        "workload_health",
        sa.Column("workload_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("deploy_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("cause", sa.String(length=40), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("services", sa.JSON(), nullable=False),
        sa.Column("restarts_10m", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["workload_id"], ["workloads.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workload_id"),
    )


def downgrade() -> None:
    """Revert."""
    op.drop_table("workload_health")
