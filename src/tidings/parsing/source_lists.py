"""Read the lists of sources that other programs write, whatever their format."""

from tidings.parsing.opml import SourceList, read_opml
from tidings.parsing.planet import is_planet, read_planet


def read_source_list(body: bytes) -> SourceList:
    """Return the sources of an OPML list, or of the settings of a Planet; nothing is fetched.

    Raises:
        ParseError: It is neither, or lists too many.
    """
    return read_planet(body) if is_planet(body) else read_opml(body)
