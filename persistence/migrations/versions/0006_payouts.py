"""Payouts: bank details that wait to be confirmed or were turned down, and who closed an alarm."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

_OPEN = "state IN ('awaiting_owner', 'awaiting_code')"
_GRANTS = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON bank_changes TO caravan_app",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO caravan_app",
)


def upgrade() -> None:
    """Add the table and the columns; old rows are valid as they are."""
    op.create_table(
        "bank_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("seller", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lapses_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["seller"], ["sellers.seller"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "bank_changes_open",
        "bank_changes",
        ["seller"],
        unique=True,
        postgresql_where=sa.text(_OPEN),
    )
    op.create_index("bank_changes_seller", "bank_changes", ["seller", "id"], unique=False)
    op.add_column(
        "sellers", sa.Column("refused_account", sa.String(), server_default="", nullable=False)
    )
    for name in ("cleared_by", "note"):
        op.add_column("alarms", sa.Column(name, sa.String(), server_default="", nullable=False))
    op.add_column("outbox", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    for statement in _GRANTS:
        op.execute(statement)


def downgrade() -> None:
    """Take them away again."""
    op.drop_column("outbox", "sealed")
    for name in ("note", "cleared_by"):
        op.drop_column("alarms", name)
    op.drop_column("sellers", "refused_account")
    op.drop_table("bank_changes")
