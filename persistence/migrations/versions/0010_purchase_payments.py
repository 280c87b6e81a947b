"""Purchases: the platform's subsidy of an order, and two more windows of the payment."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0007"
branch_labels = None
depends_on = None

# What a running purchase lives by is what the most impatient of its sellers gives.
_WINDOWS = {"authenticate_within": "authenticate_within", "decide_within": "decide_amount_within"}
_FILL = """
UPDATE purchases SET {column} = coalesce(
    (SELECT min((terms->>'{term}')::integer) FROM orders o WHERE o.purchase = purchases.purchase),
    pay_within
)
"""


def upgrade() -> None:
    """Earlier purchases were paid by their buyers alone."""
    op.add_column(
        "purchase_allocations",
        sa.Column("subsidy", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    for column, term in _WINDOWS.items():
        op.add_column("purchases", sa.Column(column, sa.Integer(), nullable=True))
        op.execute(_FILL.format(column=column, term=term))
        op.alter_column("purchases", column, nullable=False)


def downgrade() -> None:
    """Forget it again."""
    for column in reversed(_WINDOWS):
        op.drop_column("purchases", column)
    op.drop_column("purchase_allocations", "subsidy")
