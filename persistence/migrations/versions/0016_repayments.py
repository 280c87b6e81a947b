"""What buyers pay again for goods that came after their refund."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this version."""
    op.create_table(
        "repayments",
        sa.Column("order", sa.String(), sa.ForeignKey("orders.order"), nullable=False),
        sa.Column("buyer", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("order"),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON repayments TO caravan_app")


def downgrade() -> None:
    """Forget it again; the ledger keeps what was paid."""
    op.drop_table("repayments")
