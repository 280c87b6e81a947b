"""Foreign exchange: reference rates, what orders settle at, and in what sellers settle."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0008"
branch_labels = None
depends_on = None

_GRANTS = (
    "GRANT SELECT, INSERT ON fx_rates, order_exchanges TO caravan_app",
    # What was published, and what an order was promised, is never changed afterwards.
    "REVOKE UPDATE, DELETE, TRUNCATE ON fx_rates, order_exchanges FROM caravan_app",
)


def upgrade() -> None:
    """Add the tables and the columns; what is there settles in its own currency."""
    op.create_table(
        "fx_rates",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("quote", sa.String(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("day", "currency"),
    )
    op.create_index("fx_rates_currency", "fx_rates", ["currency", "day"], unique=False)
    op.create_table(
        "order_exchanges",
        sa.Column("order", sa.String(), nullable=False),
        sa.Column("sold", sa.String(), nullable=False),
        sa.Column("bought", sa.String(), nullable=False),
        sa.Column("sold_per_euro", sa.String(), nullable=False),
        sa.Column("bought_per_euro", sa.String(), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=False),
        sa.Column("fixed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("margin_bp", sa.Integer(), nullable=False),
        sa.Column("estimate", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order"),
    )
    for table in ("sellers", "order_money"):
        op.add_column(
            table, sa.Column("settles_in", sa.String(), server_default="", nullable=False)
        )
    op.add_column(
        "order_money", sa.Column("settled", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_check_constraint("order_money_settled", "order_money", "settled >= 0")
    for statement in _GRANTS:
        op.execute(statement)


def downgrade() -> None:
    """The books are not migrated backwards."""
