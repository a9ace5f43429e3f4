"""All tables of the schema, wherever they are defined."""

from sqlalchemy import Table

from tidings.db import (  # noqa: F401 - tables register themselves when they are imported
    channel_tables,
    intake_tables,
    mail_tables,
    subscriber_tables,
)
from tidings.db.tables import metadata


def all_tables() -> list[Table]:
    """Return all tables of the schema, in order of their foreign keys."""
    return metadata.sorted_tables
