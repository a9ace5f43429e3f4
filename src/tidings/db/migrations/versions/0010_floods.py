"""Slots at which a newsletter is about to write to many more people than ever."""

import sqlalchemy as sa
from alembic import op

from tidings.db.types import UtcDateTime

revision = "0010"
down_revision = "0009"

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "flood",
        sa.Column("newsletter_id", Id, nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"],
            ["newsletter.id"],
            name=op.f("fk_flood_newsletter_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("newsletter_id", "due_at", name=op.f("pk_flood")),
    )
