"""Chargebacks, the orders that each concerns, and what is said to the bank."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this version."""
    op.create_table(
        "chargebacks",
        sa.Column("chargeback", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("payment", sa.String(), nullable=False),
        sa.Column("buyer", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("chargeback"),
        sa.UniqueConstraint("seq"),
    )
    op.create_index(op.f("ix_chargebacks_payment"), "chargebacks", ["payment"])
    op.create_index("chargebacks_status", "chargebacks", ["status", "seq"])
    op.create_table(
        "chargeback_orders",
        sa.Column("chargeback", sa.String(), nullable=False),
        sa.Column("order", sa.String(), nullable=False),
        sa.Column("seller", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("chargeback", "order"),
    )
    op.create_index(op.f("ix_chargeback_orders_order"), "chargeback_orders", ["order"])
    op.create_index(op.f("ix_chargeback_orders_seller"), "chargeback_orders", ["seller"])
    op.create_table(
        "chargeback_statements",
        sa.Column("chargeback", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("chargeback", "number"),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON chargebacks TO caravan_app")
    # Which orders it is about, and what was said, stands.
    op.execute("GRANT SELECT, INSERT ON chargeback_orders, chargeback_statements TO caravan_app")
    op.execute("GRANT USAGE ON SEQUENCE chargebacks_seq_seq TO caravan_app")


def downgrade() -> None:
    """Forget them again; the ledger keeps what they did."""
    for table in ("chargeback_statements", "chargeback_orders", "chargebacks"):
        op.drop_table(table)
