"""Archives of the feed of everything: which publish sequences each one holds, for ever (RFC 5005)."""

ARCHIVE_SIZE = 100
"""Publish sequences in one archive. Never to be changed: readers keep what they have read."""


def full_archives(last_seq: int) -> int:
    """Return how many archives there are, `last_seq` being the last publish sequence."""
    return last_seq // ARCHIVE_SIZE


def archives_left_out(last_seq: int, *, feed_size: int) -> int:
    """Return how many archives the document that is subscribed to leaves out.

    It holds what follows them: `feed_size` publish sequences or more, if there are as many.
    """
    return full_archives(max(last_seq - feed_size, 0))


def archive_span(number: int) -> tuple[int, int]:
    """Return the first and the last publish sequence of an archive; 1 is the oldest."""
    return ARCHIVE_SIZE * (number - 1) + 1, ARCHIVE_SIZE * number
