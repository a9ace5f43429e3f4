"""When the first source of a host is due, so that hosts are claimed without a look at the others."""

import sqlalchemy as sa
from alembic import op

from tidings.db.types import UtcDateTime

revision = "0012"
down_revision = "0011"

# By triggers: a dozen statements change when a source is due, whether it is, or its host.
_ON_SQLITE = """
CREATE TRIGGER source_due_{event} AFTER {when} ON source BEGIN
    UPDATE host SET due_at = (
        SELECT min(next_poll_at) FROM source WHERE host = {row}.host AND state = 'active'
    ) WHERE name = {row}.host;
END
"""
# At the commit, one writer after the other: at once, two writers would each hold a source or a host
# that the other waits for, and who waited for a host would go by what its sources were before. Of many
# sources of a host that change together, the first writes: each version of a row makes the next slower.
_ON_POSTGRESQL = """
CREATE OR REPLACE FUNCTION note_due_source() RETURNS trigger AS $$
BEGIN
    PERFORM pg_advisory_xact_lock('source'::regclass::oid::bigint);
    IF TG_OP <> 'INSERT' THEN
        UPDATE host SET due_at = due.first FROM (
            SELECT min(next_poll_at) AS first FROM source
            WHERE host = OLD.host AND state = 'active'
        ) AS due WHERE name = OLD.host AND due_at IS DISTINCT FROM due.first;
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND OLD.host <> NEW.host) THEN
        UPDATE host SET due_at = due.first FROM (
            SELECT min(next_poll_at) AS first FROM source
            WHERE host = NEW.host AND state = 'active'
        ) AS due WHERE name = NEW.host AND due_at IS DISTINCT FROM due.first;
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE CONSTRAINT TRIGGER source_due
    AFTER INSERT OR DELETE OR UPDATE OF host, state, next_poll_at ON source
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_due_source()
"""


def upgrade() -> None:
    op.add_column("host", sa.Column("due_at", UtcDateTime()))
    op.drop_index(op.f("ix_source_host"), "source")
    columns = ["host", "state", "next_poll_at"]
    op.create_index(op.f("ix_source_host_state_next_poll_at"), "source", columns)
    op.execute(
        "UPDATE host SET due_at = ("
        " SELECT min(next_poll_at) FROM source WHERE host = host.name AND state = 'active')"
    )
    if op.get_bind().dialect.name == "sqlite":
        ready = "max(due_at, coalesce(lease_until, ''), coalesce(cooldown_until, ''))"
        changes = "UPDATE OF host, state, next_poll_at"
        for event, when, row in (
            ("insert", "INSERT", "NEW"),
            ("delete", "DELETE", "OLD"),
            ("left", changes, "OLD"),
            ("change", changes, "NEW"),
        ):
            op.execute(_ON_SQLITE.format(event=event, when=when, row=row))
    else:
        ready = "greatest(due_at, lease_until, cooldown_until)"
        op.execute(_ON_POSTGRESQL)
    # A host whose sources are paused is no candidate, however long it has been free.
    op.execute(f"CREATE INDEX ix_host_ready ON host (({ready}), name) WHERE due_at IS NOT NULL")
