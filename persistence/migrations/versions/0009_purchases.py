"""Purchases over several sellers: the payment, its allocations, and the view."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0005"
branch_labels = None
depends_on = None

# Whichever order asks: what went back of a payment never exceeds what arrived of it.
_HOLDS_TOGETHER = """
ALTER TABLE purchases ADD CONSTRAINT purchases_hold_together CHECK (
    captured >= 0 AND fee >= 0 AND refunded >= 0 AND charged_back >= 0
    AND captured <= total AND refunded + charged_back <= captured
)
"""
_TABLES = "purchases, purchase_allocations, purchase_chargebacks, purchase_views"
_GRANTS = f"GRANT SELECT, INSERT, UPDATE, DELETE ON {_TABLES} TO caravan_app"


def upgrade() -> None:
    """Apply this version."""
    op.add_column("orders", sa.Column("purchase", sa.String(), server_default="", nullable=False))
    _money()
    _view()
    op.execute(_HOLDS_TOGETHER)
    op.execute(_GRANTS)
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO caravan_app")


def _money() -> None:
    op.create_table(
        "purchases",
        sa.Column("purchase", sa.String(), nullable=False),
        sa.Column("buyer", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("charged_back", sa.BigInteger(), nullable=False),
        sa.Column("pay_within", sa.Integer(), nullable=False),
        sa.Column("pending_within", sa.Integer(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("purchase"),
    )
    op.create_table(
        "purchase_allocations",
        sa.Column("order", sa.String(), nullable=False),
        sa.Column("purchase", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("seller", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["purchase"], ["purchases.purchase"]),
        sa.PrimaryKeyConstraint("order"),
    )
    op.create_index(op.f("ix_purchase_allocations_purchase"), "purchase_allocations", ["purchase"])
    op.create_table(
        "purchase_chargebacks",
        sa.Column("chargeback", sa.String(), nullable=False),
        sa.Column("order", sa.String(), nullable=False),
        sa.Column("purchase", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["purchase"], ["purchases.purchase"]),
        sa.PrimaryKeyConstraint("chargeback", "order"),
    )
    op.create_index(op.f("ix_purchase_chargebacks_purchase"), "purchase_chargebacks", ["purchase"])


def _view() -> None:
    op.create_table(
        "purchase_views",
        sa.Column("purchase", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("buyer", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("needs_attention", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("intent", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("purchase"),
        sa.UniqueConstraint("seq"),
    )
    op.create_index("purchase_views_buyer", "purchase_views", ["buyer", "seq"])
    op.create_index("purchase_views_status", "purchase_views", ["status", "seq"])
    op.create_index(
        "purchase_views_awaiting",
        "purchase_views",
        ["purchase"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    """Undo this version."""
    for table in ("purchase_views", "purchase_chargebacks", "purchase_allocations", "purchases"):
        op.drop_table(table)
    op.drop_column("orders", "purchase")
