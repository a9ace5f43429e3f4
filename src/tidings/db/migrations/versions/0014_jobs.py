"""The tables of jobs on PostgreSQL, where several machines share the work."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0014"
down_revision = "0013"

_TABLES = Path(__file__).parents[1] / "procrastinate_3_10.sql"

# A few rows that come and go all the time: by shares of the table they would be cleaned too late.
_AUTOVACUUM = """
ALTER TABLE procrastinate_{table} SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000
)
"""


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    # By the driver: it takes many statements at once, and percent signs as they are.
    driver: Any = connection.connection.driver_connection
    driver.execute(_TABLES.read_text(encoding="utf-8"))
    for table in ("jobs", "events"):
        op.execute(_AUTOVACUUM.format(table=table))
