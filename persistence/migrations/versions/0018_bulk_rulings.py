"""Bulk rulings and the disputes that each decides; and who of the staff is away."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this version."""
    op.create_table(
        "bulk_rulings",
        sa.Column("bulk", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("award", sa.String(), nullable=False),
        sa.Column("borne_by", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("ruled_by", sa.String(), nullable=False),
        sa.Column("ruled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bulk"),
        sa.UniqueConstraint("seq"),
    )
    op.create_table(
        "bulk_cases",
        sa.Column("bulk", sa.String(), nullable=False),
        sa.Column("dispute", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("request", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["bulk"], ["bulk_rulings.bulk"]),
        sa.ForeignKeyConstraint(["dispute"], ["disputes.dispute"]),
        sa.PrimaryKeyConstraint("bulk", "dispute"),
    )
    op.create_index(op.f("ix_bulk_cases_dispute"), "bulk_cases", ["dispute"])
    op.create_table(
        "absences",
        sa.Column("absence", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("cover", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("entered_by", sa.String(), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("absence"),
    )
    op.create_index("absences_person", "absences", ["person", "ends_at"])
    # What was ruled in bulk, and on which cases, stands.
    op.execute("GRANT SELECT, INSERT ON bulk_rulings, bulk_cases TO caravan_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON absences TO caravan_app")
    op.execute("GRANT USAGE ON SEQUENCE bulk_rulings_seq_seq, absences_absence_seq TO caravan_app")


def downgrade() -> None:
    """Forget them again; each dispute keeps what was decided in it."""
    for table in ("absences", "bulk_cases", "bulk_rulings"):
        op.drop_table(table)
