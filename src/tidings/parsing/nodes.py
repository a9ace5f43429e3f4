"""feedparser's dictionaries, read without their aliases: a missing field is missing."""

Node = dict[str, object]


def node_text(node: Node, key: str) -> str:
    """Return the text under `key`, without blanks around it; empty if there is none."""
    value = dict.get(node, key)
    return value.strip() if isinstance(value, str) else ""


def nodes(node: Node, key: str) -> list[Node]:
    """Return the dictionaries under `key`: a list of them, one, or none."""
    value = dict.get(node, key)
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list):
        return [element for element in value if isinstance(element, dict)]
    return []
