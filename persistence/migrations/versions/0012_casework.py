"""The queue of what needs a person, and saved views of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_GRANT = "GRANT SELECT, INSERT, UPDATE, DELETE ON work_items, saved_views TO caravan_app"
# What has waited for a person before there was a queue. The rest appears with its next change.
_PARKED = """
INSERT INTO work_items (subject, kind, roles, since, due_at, seller, currency, amount, why,
                        assignee, assigned_by, version)
SELECT 'order/' || "order", 'parked', ARRAY['operator'],
       (state->'parked'->>'since')::timestamptz,
       (state->'parked'->>'since')::timestamptz + interval '4 hours',
       seller, currency, total, state->'parked'->>'reason', '', '', 1
FROM order_views WHERE needs_attention AND ended_at IS NULL
"""


def upgrade() -> None:
    """Apply this version."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "work_items",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("seller", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("assignee", sa.String(), nullable=False),
        sa.Column("assigned_by", sa.String(), nullable=False),
        sa.Column("assigned_at", moment, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "kind"),
    )
    op.create_index("work_items_due", "work_items", ["due_at", "subject", "kind"])
    op.create_index("work_items_assignee", "work_items", ["assignee", "due_at"])
    op.create_table(
        "saved_views",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "name"),
    )
    op.execute(_GRANT)
    op.execute(_PARKED)


def downgrade() -> None:
    """Remove them."""
    op.drop_table("saved_views")
    op.drop_table("work_items")
