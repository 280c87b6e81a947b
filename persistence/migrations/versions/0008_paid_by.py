"""Who paid: what of an order's price came from the platform, and what of that went back."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None

_COUNTERS = ("subsidised", "subsidised_back", "borne", "borne_back")


def upgrade() -> None:
    """Old orders were paid by their buyers alone."""
    for name in _COUNTERS:
        op.add_column(
            "order_money",
            sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        )


def downgrade() -> None:
    """Forget it again."""
    for name in reversed(_COUNTERS):
        op.drop_column("order_money", name)
