"""the paths that a webhook is for"""

import sqlalchemy as sa
from alembic import op

revision = "0010_hook_paths"
down_revision = "0009_verified_since"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("hooks", sa.Column("paths", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Revert."""
    op.drop_column("hooks", "paths")
