"""images that Backstay brought to a Docker host, and where the image of a release is available"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "images",
        sa.Column("host", sa.String(length=40), nullable=False),
        sa.Column("image_id", sa.String(length=80), nullable=False),
        sa.Column("repository", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(length=80), nullable=True),
        sa.Column("brought_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("host", "image_id"),
    )
    # Added in place: rebuilding the table would have to recreate its partial indexes and AUTOINCREMENT.
    op.add_column("deploy_history", sa.Column("pin_found", sa.String(length=10), nullable=True))
    op.add_column("deploy_history", sa.Column("pin_asked_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Revert."""
    op.drop_column("deploy_history", "pin_asked_at")
    op.drop_column("deploy_history", "pin_found")
    op.drop_table("images")
