"""The inbox is asked whether a report of the provider was heard."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this version."""
    op.create_index("inbox_reference", "inbox", ["reference", "provider"])


def downgrade() -> None:
    """Forget it again."""
    op.drop_index("inbox_reference", table_name="inbox")
