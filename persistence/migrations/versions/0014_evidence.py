"""What the sides of a dispute show: whose it is and where it is kept, never the file itself."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this version."""
    op.create_table(
        "evidence",
        sa.Column("dispute", sa.String(), sa.ForeignKey("disputes.dispute"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_late", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("dispute", "number"),
        sa.UniqueConstraint("dispute", "side", "sha256"),
    )
    # What was shown stays shown: nothing is changed or taken away.
    op.execute("GRANT SELECT, INSERT ON evidence TO caravan_app")


def downgrade() -> None:
    """Remove it; the files stay where they are."""
    op.drop_table("evidence")
