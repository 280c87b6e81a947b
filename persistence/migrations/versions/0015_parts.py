"""Several things of one kind may become true of one version of an object."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_OLD = "timeline_subject_version_kind_key"
_NEW = "timeline_subject_version_kind_part_key"


def upgrade() -> None:
    """Apply this version."""
    op.add_column("timeline", sa.Column("part", sa.Integer(), server_default="0", nullable=False))
    op.create_unique_constraint(_NEW, "timeline", ["subject", "version", "kind", "part"])
    op.drop_constraint(_OLD, "timeline")


def downgrade() -> None:
    """Forget it again: of several such things the first one stays."""
    op.execute("DELETE FROM timeline WHERE part > 0")
    op.create_unique_constraint(_OLD, "timeline", ["subject", "version", "kind"])
    op.drop_constraint(_NEW, "timeline")
    op.drop_column("timeline", "part")
