"""The scopes: everything that has feeds and a page of its own."""

from tidings.domain.publishing import Scope
from tidings.services.stamps import scope_of
from tidings.storage import publishing
from tidings.storage.database import Connection

KINDS = ("all", "topic", "source", "search")


def every_scope(connection: Connection) -> list[Scope]:
    """Return all scopes: that of everything first, the others in no order to rely on."""
    found = [scope_of(key) for key in publishing.changes(connection)]
    scopes = [scope for scope in found if scope.kind in KINDS]
    return sorted(scopes, key=lambda scope: (KINDS.index(scope.kind), scope.slug))
