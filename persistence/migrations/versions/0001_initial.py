"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this version."""
    op.create_table(
        "alarms",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "alarms_open",
        "alarms",
        ["kind", "subject"],
        unique=True,
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    op.create_table(
        "balances",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "owner", "currency"),
    )
    op.create_table(
        "effects",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("failure", sa.String(), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "first_asked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_effects_reference"), "effects", ["reference"], unique=False)
    op.create_index(op.f("ix_effects_subject"), "effects", ["subject"], unique=False)
    op.create_table(
        "holds",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("order", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.String(), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_holds_order"), "holds", ["order"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("provider", "event_id"),
    )
    op.create_index(
        "inbox_due",
        "inbox",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "inbox_subject",
        "inbox",
        ["subject", "seq"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "marks",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "order_money",
        sa.Column("order", sa.String(), nullable=False),
        sa.Column("seller", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("commission", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("charged_back", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("released", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("recovered", sa.BigInteger(), nullable=False),
        sa.Column("charged", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order"),
    )
    op.create_table(
        "order_views",
        sa.Column("order", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("buyer", sa.String(), nullable=False),
        sa.Column("seller", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("needs_attention", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("intent", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("order"),
        sa.UniqueConstraint("seq"),
    )
    op.create_index(op.f("ix_order_views_intent"), "order_views", ["intent"], unique=False)
    op.create_index(
        "order_views_attention",
        "order_views",
        ["seq"],
        unique=False,
        postgresql_where=sa.text("needs_attention"),
    )
    op.create_index("order_views_buyer", "order_views", ["buyer", "seq"], unique=False)
    op.create_index("order_views_seller", "order_views", ["seller", "seq"], unique=False)
    op.create_index("order_views_status", "order_views", ["status", "seq"], unique=False)
    op.create_table(
        "orders",
        sa.Column("order", sa.String(), nullable=False),
        sa.Column("buyer", sa.String(), nullable=False),
        sa.Column("seller", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("ship_to", sa.String(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("order"),
    )
    op.create_table(
        "outbox",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("seq"),
    )
    op.create_index(
        "outbox_due",
        "outbox",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "parcels",
        sa.Column("parcel", sa.String(), nullable=False),
        sa.Column("order", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("tracker", sa.String(), nullable=False),
        sa.Column("milestone", sa.String(), nullable=False),
        sa.Column("is_watched", sa.Boolean(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("parcel"),
        sa.UniqueConstraint("carrier", "number"),
    )
    op.create_index(op.f("ix_parcels_order"), "parcels", ["order"], unique=False)
    op.create_index(op.f("ix_parcels_tracker"), "parcels", ["tracker"], unique=False)
    op.create_index(
        "parcels_silent",
        "parcels",
        ["looked_at"],
        unique=False,
        postgresql_where=sa.text("is_watched"),
    )
    op.create_table(
        "particulars",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_index(op.f("ix_particulars_person"), "particulars", ["person"], unique=False)
    op.create_table(
        "payouts",
        sa.Column("payout", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("seller", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("payout"),
        sa.UniqueConstraint("seq"),
    )
    op.create_index(op.f("ix_payouts_reference"), "payouts", ["reference"], unique=False)
    op.create_index("payouts_seller", "payouts", ["seller", "seq"], unique=False)
    op.create_table(
        "persons",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("master_id", sa.String(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(wrapped IS NULL) = (erased_at IS NOT NULL)", name="persons_erased"),
        sa.PrimaryKeyConstraint("person"),
    )
    op.create_table(
        "policies",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("holidays", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "version"),
    )
    op.create_table(
        "postings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index(op.f("ix_postings_process"), "postings", ["process"], unique=False)
    op.create_table(
        "requests",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("body_hash", sa.String(), nullable=False),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("update_id", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("caller", "route", "object", "key"),
        sa.UniqueConstraint("seq"),
    )
    op.create_index(
        "requests_due",
        "requests",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index("requests_key", "requests", ["caller", "key"], unique=False)
    op.create_index("requests_object", "requests", ["object", "seq"], unique=False)
    op.create_index(
        "requests_waiting",
        "requests",
        ["object", "received_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "sellers",
        sa.Column("seller", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("bank_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("non_fulfilments", sa.Integer(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seller"),
    )
    op.create_table(
        "timeline",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("subject", "version", "kind"),
    )
    op.create_index("timeline_subject", "timeline", ["subject", "seq"], unique=False)
    op.create_table(
        "data_keys",
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("workflow_id", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=True),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person"],
            ["persons.person"],
        ),
        sa.PrimaryKeyConstraint("key_id"),
        sa.UniqueConstraint("workflow_id"),
    )
    op.create_index(op.f("ix_data_keys_person"), "data_keys", ["person"], unique=False)
    op.create_table(
        "legs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("posting", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["posting"],
            ["postings.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_legs_posting"), "legs", ["posting"], unique=False)
    op.create_index("legs_account", "legs", ["kind", "owner", "currency"], unique=False)
    op.create_table(
        "scans",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("parcel", sa.String(), nullable=False),
        sa.Column("milestone", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parcel"],
            ["parcels.parcel"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("parcel", "milestone", "at", "message"),
    )
    op.create_index(op.f("ix_scans_parcel"), "scans", ["parcel"], unique=False)


def downgrade() -> None:
    """Take this version back."""
    op.drop_index(op.f("ix_scans_parcel"), table_name="scans")
    op.drop_table("scans")
    op.drop_index("legs_account", table_name="legs")
    op.drop_index(op.f("ix_legs_posting"), table_name="legs")
    op.drop_table("legs")
    op.drop_index(op.f("ix_data_keys_person"), table_name="data_keys")
    op.drop_table("data_keys")
    op.drop_index("timeline_subject", table_name="timeline")
    op.drop_table("timeline")
    op.drop_table("sellers")
    op.drop_index(
        "requests_waiting", table_name="requests", postgresql_where=sa.text("state = 'waiting'")
    )
    op.drop_index("requests_object", table_name="requests")
    op.drop_index("requests_key", table_name="requests")
    op.drop_index(
        "requests_due", table_name="requests", postgresql_where=sa.text("state = 'waiting'")
    )
    op.drop_table("requests")
    op.drop_index(op.f("ix_postings_process"), table_name="postings")
    op.drop_table("postings")
    op.drop_table("policies")
    op.drop_table("persons")
    op.drop_index("payouts_seller", table_name="payouts")
    op.drop_index(op.f("ix_payouts_reference"), table_name="payouts")
    op.drop_table("payouts")
    op.drop_index(op.f("ix_particulars_person"), table_name="particulars")
    op.drop_table("particulars")
    op.drop_index("parcels_silent", table_name="parcels", postgresql_where=sa.text("is_watched"))
    op.drop_index(op.f("ix_parcels_tracker"), table_name="parcels")
    op.drop_index(op.f("ix_parcels_order"), table_name="parcels")
    op.drop_table("parcels")
    op.drop_index("outbox_due", table_name="outbox", postgresql_where=sa.text("state = 'waiting'"))
    op.drop_table("outbox")
    op.drop_table("orders")
    op.drop_index("order_views_status", table_name="order_views")
    op.drop_index("order_views_seller", table_name="order_views")
    op.drop_index("order_views_buyer", table_name="order_views")
    op.drop_index(
        "order_views_attention",
        table_name="order_views",
        postgresql_where=sa.text("needs_attention"),
    )
    op.drop_index(op.f("ix_order_views_intent"), table_name="order_views")
    op.drop_table("order_views")
    op.drop_table("order_money")
    op.drop_table("marks")
    op.drop_index(
        "inbox_subject", table_name="inbox", postgresql_where=sa.text("state = 'waiting'")
    )
    op.drop_index("inbox_due", table_name="inbox", postgresql_where=sa.text("state = 'waiting'"))
    op.drop_table("inbox")
    op.drop_index(op.f("ix_holds_order"), table_name="holds")
    op.drop_table("holds")
    op.drop_index(op.f("ix_effects_subject"), table_name="effects")
    op.drop_index(op.f("ix_effects_reference"), table_name="effects")
    op.drop_table("effects")
    op.drop_table("balances")
    op.drop_index(
        "alarms_open", table_name="alarms", postgresql_where=sa.text("cleared_at IS NULL")
    )
    op.drop_table("alarms")
