"""Labels bought online, and the couriers who fetch their parcels."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two tables; the application may do with them as with any other."""
    text, moment = sa.String(), sa.DateTime(timezone=True)
    op.create_table(
        "labels",
        sa.Column("key", text, nullable=False),
        sa.Column("order", text, nullable=False),
        sa.Column("seller", text, nullable=False),
        sa.Column("carrier", text, nullable=False),
        sa.Column("service", text, nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("currency", text, nullable=False),
        sa.Column("bearer", text, nullable=False),
        sa.Column("shipment", text, nullable=False),
        sa.Column("rate", text, nullable=False),
        sa.Column("status", text, nullable=False),
        sa.Column("number", text, nullable=False),
        sa.Column("tracker", text, nullable=False),
        sa.Column("url", text, nullable=False),
        sa.Column("asked_at", moment, nullable=False),
        sa.Column("bought_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_labels_order"), "labels", ["order"])
    op.create_index(op.f("ix_labels_shipment"), "labels", ["shipment"])
    op.create_index(
        "labels_void_asked", "labels", ["key"], postgresql_where=sa.text("status = 'void_asked'")
    )
    op.create_table(
        "pickups",
        sa.Column("label", text, nullable=False),
        sa.Column("status", text, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("begins", moment, nullable=True),
        sa.Column("ends", moment, nullable=True),
        sa.Column("due_at", moment, nullable=True),
        sa.Column("visit", text, nullable=False),
        sa.Column("confirmation", text, nullable=False),
        sa.ForeignKeyConstraint(["label"], ["labels.key"]),
        sa.PrimaryKeyConstraint("label"),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON labels, pickups TO caravan_app")


def downgrade() -> None:
    """Remove them."""
    op.drop_table("pickups")
    op.drop_table("labels")
