"""Failures of our own are counted apart from outages: they alone give a row up."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_TABLES = ("requests", "inbox", "outbox")


def upgrade() -> None:
    """Apply this version. Older programs go on: they name no such column, and it begins at none."""
    for table in _TABLES:
        op.add_column(table, sa.Column("defects", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    """Count them together again."""
    for table in _TABLES:
        op.drop_column(table, "defects")
