"""What first polls defer, what the last reading of a document and of an entry was made of."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("source", sa.Column("deferred", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("document", sa.Column("language", sa.Text(), nullable=True))
    op.add_column(
        "poll_hour",
        sa.Column("disagreements", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.create_table(
        "sketch",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "reading",
        sa.Column(
            "source_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.ForeignKey("source.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("memo", sa.LargeBinary(), nullable=False),
    )
    has_some = sa.text("deferred > 0")
    op.create_index(
        "ix_source_deferred", "source", ["id"], sqlite_where=has_some, postgresql_where=has_some
    )
