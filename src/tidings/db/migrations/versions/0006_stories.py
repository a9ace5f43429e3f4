"""What stories are found by, why entries are in them, and what the operator took apart."""

import sqlalchemy as sa
from alembic import op

from tidings.db.types import UtcDateTime

revision = "0006"
down_revision = "0005"

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "story",
        sa.Column("id", Id, nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_story")),
    )
    op.create_table(
        "story_key",
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "seq", name=op.f("pk_story_key")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_story_key_seq"), "story_key", ["seq"])
    _create_pairs(
        "likeness",
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("joined_at", UtcDateTime(), nullable=False),
    )
    _create_pairs("apart", sa.Column("decided_at", UtcDateTime(), nullable=False))
    op.drop_index(op.f("ix_delivery_issue_id"), "delivery")
    op.create_index(
        op.f("ix_delivery_issue_id_subscription_id"), "delivery", ["issue_id", "subscription_id"]
    )


def _create_pairs(name: str, *columns: sa.Column[object]) -> None:
    op.create_table(
        name,
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("mate_seq", sa.BigInteger(), nullable=False),
        *columns,
        _of_entry(name, "seq"),
        _of_entry(name, "mate_seq"),
        sa.PrimaryKeyConstraint("seq", "mate_seq", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_mate_seq"), name, ["mate_seq"])


def _of_entry(table: str, column: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], ["entry.seq"], name=name, ondelete="CASCADE")
