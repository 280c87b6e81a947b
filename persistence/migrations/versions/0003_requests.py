"""Find the request that makes an object, and the other requests under a key."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this version."""
    op.create_index("requests_object", "requests", ["object", "seq"])
    op.create_index("requests_key", "requests", ["caller", "key"])


def downgrade() -> None:
    """Undo this version."""
    op.drop_index("requests_key", table_name="requests")
    op.drop_index("requests_object", table_name="requests")
