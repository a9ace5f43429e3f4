"""How many entries of a source's first document are still to be stored."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("source", sa.Column("deferred", sa.Integer(), nullable=False, server_default="0"))
    has_some = sa.text("deferred > 0")
    op.create_index(
        "ix_source_deferred", "source", ["id"], sqlite_where=has_some, postgresql_where=has_some
    )
