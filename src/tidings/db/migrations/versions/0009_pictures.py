"""The pictures of an entry that stand beside its text."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("entry", sa.Column("pictures", sa.JSON(none_as_null=True), nullable=True))
