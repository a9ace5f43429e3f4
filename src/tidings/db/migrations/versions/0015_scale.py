"""Indexes for what a million sources and subscribers are asked again and again; room for updates."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

# Rows that are written again at each poll, or each letter. With room on its page a new version needs
# no other page, which would go into the log as a whole after each checkpoint; and one that changes
# nothing indexed (the marker of a letter) needs no new entries in the indexes either.
_FILLED = {"host": 70, "source": 85, "subscription": 80, "delivery": 70}

# By shares of a million rows they would be cleaned too late: a fifth of them is 12 minutes of polls.
_AUTOVACUUM = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05"


def upgrade() -> None:
    _index("ix_host_held", "host", ["lease_owner"], "lease_owner IS NOT NULL")
    is_lost = "failing_with IS NOT NULL AND looked_at IS NULL"
    _index("ix_source_lost", "source", ["failing_with"], is_lost)
    is_on_sqlite = op.get_bind().dialect.name == "sqlite"
    is_unpaged = "is_paged = 0" if is_on_sqlite else "NOT is_paged"
    _index("ix_feed_state_unpaged", "feed_state", ["scope"], is_unpaged)
    op.execute(
        "CREATE INDEX ix_source_failing"
        " ON source (state, coalesce(last_ok_at, added_at), id) WHERE failures > 0"
    )
    if is_on_sqlite:
        return
    for table, filled in _FILLED.items():
        op.execute(f"ALTER TABLE {table} SET (fillfactor = {filled}, {_AUTOVACUUM})")


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    rule = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=rule, postgresql_where=rule)
