"""The context that all pages share, and an entry's content prepared for its page.

Content is stored so that it fits anywhere. On our page its headings go below ours, and what may
be wider than the page scrolls by itself, with the keyboard as well.
"""

# ruff: noqa: RUF001 - punctuation of several scripts
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from tidings.model.entries import TopicCredit
from tidings.model.operators import Role
from tidings.model.sources import Source
from tidings.templating.phrases import Words

# Where our picture stands, which feeds name as well.
ICON_PATH = "/favicon.svg"

# The level below the title of the page.
TOP_HEADING = 2

_ATTRIBUTES = r"""(?:[^<>"]++|"[^"]*+")*+"""

# A tag that is of interest, or one that has attributes: what those say is no tag.
#
# Our sanitizer writes quotes around them that are always double, and never inside of them.
_TAG = re.compile(
    rf"<(/?)(h[1-6]|math|pre|table)(?![a-z0-9])({_ATTRIBUTES})>|<[a-z][a-z0-9]*\s{_ATTRIBUTES}>"
)

# A formula in a line, with the punctuation that no line may set apart from it.
_FORMULA = re.compile(
    r"""[(\[‘“（「『《【]{0,3}<math display="inline".*?</math>[)\],.;:!?…’”），。；：！？、」』》】]{0,4}""",
    re.DOTALL,
)

_BLOCK_FORMULA = ' display="block"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Flash:
    """The message about an operator's last action.

    Attributes:
        act: The key of its phrase.
        title: Of the entry; empty if it was about none.
        entry_id: Likewise.
        undo: The action that undoes it; empty if there is none.
    """

    act: str
    title: str = ""
    entry_id: int | None = None
    undo: str = ""


# No `repr`: the token in it belongs into no log.
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Operator:
    """The operator who looks at a page, and gets buttons on it.

    Attributes:
        proof: The CSRF token of their forms.
        role: What they may do: others get no buttons.
        back: The path of the page, to come back to.
        who: The name of their token.
        waiting: How many entries are held.
        drafts: How many issues wait for review.
        failing: How many sources fail.
        said: The message about their last action.
        source: The source that the page is about, if it is about one.
    """

    proof: str
    role: Role
    back: str
    who: str
    waiting: int
    drafts: int = 0
    failing: int = 0
    said: Flash | None = None
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What all pages have in common.

    Attributes:
        title: The heading of the first page.
        kicker: The small line above it.
        base_url: Absolute, without a slash at the end; its path is the prefix of every link.
        language: Of the interface, BCP 47.
        version: Of the program.
        topics: For the navigation, in its order.
        colours: Of the topics by slug, from 1 to 8: a class of the style sheet.
        has_newsletters: Whether the navigation leads to their archive.
        has_forms: Whether forms work: not on a static site.
        has_file_search: Whether a page searches in files: only on a static site.
        has_status: Whether there is a status page.
        hubs: That we ping, absolute URLs.
        operator: Who looks at the page, if it is an operator.
        unnamed: Which of `title` and `kicker` the operator has not given.
        others: Languages that the page is in as well, with their own names, by code: they are
            asked for by `?lang=`.
    """

    title: str
    kicker: str
    base_url: str
    language: str
    version: str
    topics: tuple[TopicCredit, ...] = ()
    colours: Mapping[str, int] = field(default_factory=dict)
    has_newsletters: bool = False
    has_forms: bool = False
    has_file_search: bool = False
    has_status: bool = False
    hubs: tuple[str, ...] = ()
    operator: Operator | None = None
    unnamed: tuple[str, ...] = ()
    others: Mapping[str, str] = field(default_factory=dict)

    @property
    def search_path(self) -> str:
        """The path that forms of a search lead to; empty if nothing searches."""
        if self.has_forms:
            return "/"
        return "/search/" if self.has_file_search else ""

    def in_language(self, words: Words) -> "Site":
        """Return the same in the language of a catalogue, with its title if there is no other."""
        title, kicker = (
            words(f"site-{name}") if name in self.unnamed else given
            for name, given in (("title", self.title), ("kicker", self.kicker))
        )
        return replace(self, language=words.language, title=title, kicker=kicker)

    def href(self, path: str) -> str:
        """Return the link to one of our paths."""
        return urlsplit(self.base_url).path + path


def host(url: str) -> str:
    """Return the host of a URL as people name it; the URL itself if it has none."""
    try:
        return (urlsplit(url).hostname or url).removeprefix("www.")
    except ValueError:  # brackets without an address in them
        return url


def readable(content: str, t: Words) -> str:
    """Return clean HTML as it stands on a page; `t` names what can be scrolled."""
    levels = [int(tag[2][1]) for tag in _TAG.finditer(content) if _is_heading(tag)]
    # Publishers begin at any level; by moving all of them alike the outline stays.
    shift = min(levels, default=TOP_HEADING) - TOP_HEADING
    code, table = (_scrolling(t(key)) for key in ("code", "table"))
    depth = 0

    def replaced(tag: re.Match[str]) -> str:
        nonlocal depth
        slash, name, attributes = tag.groups()
        if name is None:
            return tag[0]
        if name == "table":
            depth += -1 if slash else 1
            if slash:
                # A table in a table scrolls with the outer one.
                return "</table></div>" if depth == 0 else tag[0]
            return f'<div class="scroll"{table}>{tag[0]}' if depth == 1 else tag[0]
        if name == "pre" and not slash:
            return f"<pre{attributes}{code}>"
        if name == "math" and attributes.startswith(_BLOCK_FORMULA):
            return f'<math{attributes} tabindex="0">'
        return f"<{slash}h{int(name[1]) - shift}{attributes}>" if _is_heading(tag) else tag[0]

    return _FORMULA.sub(_kept_together, _TAG.sub(replaced, content))


def _kept_together(formula: re.Match[str]) -> str:
    is_alone = formula[0].startswith("<") and formula[0].endswith(">")
    # Without punctuation beside it there is nothing that a line could part from it.
    return formula[0] if is_alone else f'<span class="together">{formula[0]}</span>'


def _is_heading(tag: re.Match[str]) -> bool:
    return tag[2] is not None and tag[2].startswith("h")


def _scrolling(label: str) -> str:
    return f' tabindex="0" role="group" aria-label="{html.escape(label)}"'
