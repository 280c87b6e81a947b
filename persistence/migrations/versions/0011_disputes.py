"""Disputes: their terms, lines and views, an audit log, and what others than sellers pay."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# What others than the seller pay of a refund leaves escrow to the seller all the same.
_HOLDS_TOGETHER = """
ALTER TABLE order_money ADD CONSTRAINT order_money_holds_together CHECK (
    captured >= 0 AND refunded >= 0 AND charged_back >= 0 AND held >= 0 AND released >= 0
    AND reserved >= 0 AND recovered >= 0 AND charged >= 0 AND contributed >= 0
    AND refunded + charged_back <= captured
    AND released - recovered <= captured - refunded - charged_back - held + contributed
)
"""
_LINES_HOLD = """
ALTER TABLE dispute_lines ADD CONSTRAINT dispute_lines_hold_together CHECK (
    cap > 0 AND given >= 0 AND given <= cap
)
"""
_GRANTS = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON disputes, dispute_lines, dispute_views TO caravan_app",
    # Who decided what is never edited or deleted, whatever the application tries.
    "GRANT SELECT, INSERT ON audit_log TO caravan_app",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO caravan_app",
)


def upgrade() -> None:
    """Apply this version."""
    counter = sa.Column("contributed", sa.BigInteger(), server_default="0", nullable=False)
    op.add_column("order_money", counter)
    op.execute("ALTER TABLE order_money DROP CONSTRAINT order_money_holds_together")
    _terms_and_lines()
    _view()
    _audit_log()
    for statement in (_HOLDS_TOGETHER, _LINES_HOLD, *_GRANTS):
        op.execute(statement)


def _terms_and_lines() -> None:
    op.create_table(
        "disputes",
        sa.Column("dispute", sa.String(), nullable=False),
        sa.Column("order", sa.String(), nullable=False),
        sa.Column("buyer", sa.String(), nullable=False),
        sa.Column("seller", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order"], ["orders.order"]),
        sa.PrimaryKeyConstraint("dispute"),
    )
    op.create_index("disputes_order", "disputes", ["order", "opened_at"])
    op.create_table(
        "dispute_lines",
        sa.Column("dispute", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("order", sa.String(), nullable=False),
        sa.Column("cap", sa.BigInteger(), nullable=False),
        sa.Column("given", sa.BigInteger(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["dispute"], ["disputes.dispute"]),
        sa.PrimaryKeyConstraint("dispute", "line"),
    )
    op.create_index(
        "dispute_lines_open",
        "dispute_lines",
        ["order", "line"],
        unique=True,
        postgresql_where=sa.text("is_open"),
    )


def _view() -> None:
    op.create_table(
        "dispute_views",
        sa.Column("dispute", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("order", sa.String(), nullable=False),
        sa.Column("buyer", sa.String(), nullable=False),
        sa.Column("seller", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("assignee", sa.String(), nullable=False),
        sa.Column("needs_attention", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("dispute"),
        sa.UniqueConstraint("seq"),
    )
    for column in ("order", "seller", "buyer", "status", "assignee"):
        op.create_index(f"dispute_views_{column}", "dispute_views", [column, "seq"])


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("subject", "version", "action"),
    )
    op.create_index("audit_log_actor", "audit_log", ["actor", "seq"])


def downgrade() -> None:
    """Undo this version; the constraint of before comes back with the column gone."""
    for table in ("audit_log", "dispute_views", "dispute_lines", "disputes"):
        op.drop_table(table)
    op.execute("ALTER TABLE order_money DROP CONSTRAINT order_money_holds_together")
    op.drop_column("order_money", "contributed")
    op.execute(_HOLDS_TOGETHER.replace(" AND contributed >= 0", "").replace(" + contributed", ""))
