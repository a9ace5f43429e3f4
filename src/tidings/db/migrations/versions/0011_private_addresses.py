"""Whether the address of a source is for nobody else to see."""

import sqlalchemy as sa
from alembic import op

from tidings.model.urls import is_private

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column(
        "source",
        sa.Column("hides_address", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    source = sa.table("source", sa.column("id"), sa.column("url"), sa.column("hides_address"))
    access = sa.table("source_access", sa.column("source_id"))
    connection = op.get_bind()
    with_access = set(connection.scalars(sa.select(access.c.source_id)))
    for row in connection.execute(sa.select(source.c.id, source.c.url)).all():
        if is_private(row.url, has_access=row.id in with_access):
            hidden = source.update().where(source.c.id == row.id)
            connection.execute(hidden.values(hides_address=True))
