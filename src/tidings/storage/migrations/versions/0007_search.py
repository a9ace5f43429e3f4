"""The index of words, and searches that are kept."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    pass
