"""What the database itself guards: balanced entries, append-only books, wake-up calls."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ROLE = """
DO $$ BEGIN
    -- Where an administrator has made the role, no right to make one is needed.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'caravan_app') THEN
        CREATE ROLE caravan_app NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""

_GRANTS = (
    "GRANT caravan_app TO CURRENT_USER",
    "GRANT USAGE ON SCHEMA public TO caravan_app",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO caravan_app",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO caravan_app",
    # Nothing that was posted is ever edited or deleted, whatever the application tries.
    "REVOKE UPDATE, DELETE, TRUNCATE ON postings, legs FROM caravan_app",
    "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON alembic_version FROM caravan_app",
)

_BALANCED = """
CREATE FUNCTION posting_is_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE off record;
BEGIN
    SELECT currency, sum(amount) AS amount INTO off FROM legs WHERE posting = NEW.posting
    GROUP BY currency HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'posting % is off by % %', NEW.posting, off.amount, off.currency
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""

_BALANCED_TRIGGER = """
CREATE CONSTRAINT TRIGGER legs_are_balanced AFTER INSERT ON legs
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION posting_is_balanced()
"""

# A seller's balance and an escrow are owed by us: they never turn into a claim.
_NEVER_A_CLAIM = "ALTER TABLE balances ADD CONSTRAINT balances_are_owed CHECK (amount <= 0)"

_FUNDS = """
ALTER TABLE order_money ADD CONSTRAINT order_money_holds_together CHECK (
    captured >= 0 AND refunded >= 0 AND charged_back >= 0 AND held >= 0 AND released >= 0
    AND reserved >= 0 AND recovered >= 0 AND charged >= 0
    AND refunded + charged_back <= captured
    AND released - recovered <= captured - refunded - charged_back - held
)
"""

_WAKE = """
CREATE FUNCTION wake_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_ARGV[0], COALESCE(to_jsonb(NEW) ->> TG_ARGV[1], ''));
    RETURN NULL;
END $$
"""

_WAKE_TRIGGERS = tuple(
    f"CREATE TRIGGER {table}_wake AFTER INSERT ON {table} FOR EACH ROW"
    f" EXECUTE FUNCTION wake_up('{channel}', '{column}')"
    for table, channel, column in (
        ("inbox", "caravan_work", "subject"),
        ("outbox", "caravan_work", "subject"),
        ("timeline", "caravan_timeline", "subject"),
    )
)


def upgrade() -> None:
    """Create the role, the checks and the triggers."""
    for statement in (
        _ROLE,
        *_GRANTS,
        _BALANCED,
        _BALANCED_TRIGGER,
        _NEVER_A_CLAIM,
        _FUNDS,
        _WAKE,
        *_WAKE_TRIGGERS,
    ):
        op.execute(statement)


def downgrade() -> None:
    """The guards go with the tables; books are not migrated backwards."""
