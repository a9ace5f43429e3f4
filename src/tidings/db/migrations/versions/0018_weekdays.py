"""On which day of the week letters come."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    # With a constant default a column is added at once, however many rows there are.
    for table in ("newsletter", "subscription", "sign_up"):
        op.add_column(table, sa.Column("weekday", sa.Integer(), nullable=False, server_default="0"))
