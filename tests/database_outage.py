"""A database that is away for a while."""

from contextlib import contextmanager

from tidings.errors import DatabaseAwayError


class Outage:
    """Wraps a database; while `left` is above zero, so many attempts to write fail."""

    def __init__(self, database):
        self._database = database
        self.left = 0

    def __getattr__(self, name):
        return getattr(self._database, name)

    @contextmanager
    def write(self, **options):
        if self.left:
            self.left -= 1
            raise DatabaseAwayError("test", "database is locked")
        with self._database.write(**options) as connection:
            yield connection
