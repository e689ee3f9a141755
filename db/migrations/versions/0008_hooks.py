"""webhooks: hooks, deliveries, pending deploys"""

import sqlalchemy as sa
from alembic import op

revision = "0008_hooks"
down_revision = "0007_collectors"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "hooks",
        sa.Column("id", ID, nullable=False),
        sa.Column("workload_id", ID, nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("branch", sa.String(length=200), nullable=True),
        sa.Column("tag", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_outcome", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["workload_id"], ["workloads.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_hooks_workload_id", "hooks", ["workload_id"])
    op.create_table(
        "hook_deliveries",
        sa.Column("hook_id", ID, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["hook_id"], ["hooks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hook_id", "key"),
    )
    op.create_index("ix_hook_delivery_received", "hook_deliveries", ["received_at"])
    op.create_table(
        "wanted_deploys",
        sa.Column("workload_id", ID, nullable=False),
        sa.Column("hook_id", ID, nullable=False),
        sa.Column("image", sa.Text(), nullable=True),
        sa.Column("ref", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(length=80), nullable=True),
        sa.Column("commit", sa.String(length=64), nullable=True),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deploy_id", ID, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["hook_id"], ["hooks.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workload_id"], ["workloads.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workload_id"),
    )
    op.create_index("ix_wanted_hook", "wanted_deploys", ["hook_id"])


def downgrade() -> None:
    """Revert."""
    op.drop_index("ix_wanted_hook", "wanted_deploys")
    op.drop_table("wanted_deploys")
    op.drop_index("ix_hook_delivery_received", "hook_deliveries")
    op.drop_table("hook_deliveries")
    op.drop_index("ix_hooks_workload_id", "hooks")
    op.drop_table("hooks")
