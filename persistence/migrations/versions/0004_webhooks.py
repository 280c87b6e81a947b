"""Outgoing webhooks: endpoints, their secrets, deliveries and attempts."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = ("webhook_endpoints", "webhook_secrets", "webhook_deliveries", "webhook_attempts")
_WAITING = sa.text("state = 'waiting'")
_NOW = sa.text("now()")
_WAKE = (
    "CREATE TRIGGER webhook_deliveries_wake AFTER INSERT ON webhook_deliveries FOR EACH ROW"
    " EXECUTE FUNCTION wake_up('caravan_work', 'subject')"
)
_MORE = (
    *(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO caravan_app" for table in _TABLES),
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO caravan_app",
    _WAKE,
)


def _at(name: str, *, nullable: bool = False, now: bool = False) -> sa.Column[datetime]:
    default = _NOW if now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _text(name: str, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(), server_default=default, nullable=False)


def upgrade() -> None:
    """Apply this version."""
    op.create_table(
        "webhook_endpoints",
        _text("id"),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False, unique=True),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("owner"),
        _text("url"),
        _text("description"),
        sa.Column("kinds", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        _text("disabled_because"),
        _at("failing_since", nullable=True),
        _text("created_by"),
        _at("created_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("webhook_endpoints_owner", "webhook_endpoints", ["owner", "seq"])
    op.create_table(
        "webhook_secrets",
        _text("endpoint"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _at("made_at", now=True),
        _at("valid_until", nullable=True),
        sa.PrimaryKeyConstraint("endpoint", "number"),
    )
    _create_deliveries()
    for statement in _MORE:
        op.execute(statement)


def _create_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        _text("endpoint"),
        _text("event"),
        _text("subject"),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("kind"),
        _text("actor"),
        _at("at"),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _text("state", "waiting"),
        _at("queued_at", now=True),
        _at("due_at", now=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        _text("last_error", ""),
        _at("delivered_at", nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("endpoint", "event"),
    )
    line = ["endpoint", "subject", "seq"]
    table = "webhook_deliveries"
    op.create_index(f"{table}_due", table, ["due_at"], postgresql_where=_WAITING)
    op.create_index(f"{table}_line", table, line, postgresql_where=_WAITING)
    op.create_index(f"{table}_endpoint", table, ["endpoint", "seq"])
    op.create_table(
        "webhook_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("delivery", sa.BigInteger(), nullable=False),
        _at("at"),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("ms", sa.Integer(), nullable=False),
        _text("excerpt"),
        _text("error"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_webhook_attempts_delivery"), "webhook_attempts", ["delivery"])


def downgrade() -> None:
    """Undo this version."""
    for table in reversed(_TABLES):
        op.drop_table(table)
