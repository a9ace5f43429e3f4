"""Read the lists of Planet, Venus and Pluto: settings with a section for each source."""

from configparser import Error, RawConfigParser
from itertools import islice

from tidings.errors import ParseError, one_line
from tidings.model.scopes import FeedOutline
from tidings.parsing.decoding import decode
from tidings.parsing.opml import MAX_OUTLINES, MAX_TITLE, SourceList, feed_url, find_site_url

# Sections that are about the program itself; those of templates name a file.
_ITS_OWN = "planet"
_LEFT = ("filters", "include", "exclude", "filter", "ignore", "xpath_sifter")


def is_planet(body: bytes) -> bool:
    """Tell whether a list is such settings, by its first line that is no comment."""
    lines = (line.strip() for line in decode(body[:20_000]).text.splitlines())
    first = next((line for line in lines if line and line[0] not in "#;"), "")
    return first.startswith("[") or (" = " in first and not first.startswith(("<", "{")))


def read_planet(body: bytes) -> SourceList:
    """Return the sources that the settings of a Planet name; nothing is fetched.

    Raises:
        ParseError: It is something else.
    """
    parser = RawConfigParser(
        default_section="\0", strict=False, allow_no_value=True, empty_lines_in_values=False
    )
    try:
        # Pluto begins without a section.
        parser.read_string(f"[{_ITS_OWN}]\n{decode(body).text}")
    # A line that goes on after a name without a value: Pythons before 3.13 stumble over it.
    except (Error, AttributeError) as error:
        raise ParseError("the list", str(error).replace("\n", " ")) from error
    outlines: dict[str, FeedOutline] = {}
    problems: list[str] = []
    left: list[str] = []
    for section in islice(parser.sections(), MAX_OUTLINES):
        said = {name: value or "" for name, value in parser[section].items()}
        claimed = said.get("feed") or section
        if "://" not in claimed:
            continue
        title = one_line(said.get("name") or said.get("title") or "")[:MAX_TITLE]
        # Of an address no login and no token: it is shown where something is wrong with it.
        name = title or one_line(claimed.partition("?")[0].rpartition("@")[2])[:MAX_TITLE]
        if said.get("content_type") == "opml":
            left.append(f"{name}: a list of sources; import that by itself")
            continue
        try:
            url = feed_url(claimed)
        except ValueError as error:
            problems.append(f"{name}: {error}")
            continue
        site_url = find_site_url(said.get("link", ""))
        outlines.setdefault(url, FeedOutline(url=url, title=title, site_url=site_url))
        left += [f"{name}: its setting {one}" for one in _LEFT if said.get(one)]
    if not outlines:
        raise ParseError("the list", "no section names a feed")
    return SourceList(outlines=tuple(outlines.values()), problems=tuple(problems), left=tuple(left))
