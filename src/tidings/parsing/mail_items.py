"""Messages of a mailing list as a feed: what is for one recipient alone is left out."""

import html
import json
import re
from base64 import b64decode
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import cast
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser, LexborNode, create_tag

from tidings.model.mail_lists import shown_key
from tidings.parsing.decoding import decode
from tidings.parsing.raw import EarlierVersion, RawEntry, RawFeed, Text
from tidings.parsing.text_cleaning import FORMATTING, is_affordable

# Characters of a line from which on it was broken by a mail program, not by whoever wrote it.
WRAPPED = 56

_WORDS_OF_LEAVING = (
    r"unsubscri|opt[ -]?out|(?:manage|update|change|edit)\b.{0,20}\b(?:preferences|subscription|profile)"
    r"|退订|取消订阅|取消訂閱|管理订阅"
    r"|abbestell|abmelde|austragen|désabonn|désinscri|darse de baja|cancelar (?:la |mi )?suscripci"
    r"|annulla l.iscrizione|disiscri|descadastr|cancelar (?:a )?(?:inscrição|subscrição)|afmeld"
    r"|uitschrij|отписа|配信停止|登録解除|購読解除|수신 ?거부|구독 ?취소"
)
_WORDS_OF_VIEWING = (
    r"(?:view|read|open)\b.{0,20}\b(?:in|on)\b.{0,20}\b(?:browser|web|online)|view online|view web version"
    r"|在浏览器中|网页版"
)
_LEAVING = re.compile(_WORDS_OF_LEAVING, re.IGNORECASE)
_PERSONAL = re.compile(f"{_WORDS_OF_LEAVING}|{_WORDS_OF_VIEWING}", re.IGNORECASE)

# Characters of a paragraph up to which "click here to unsubscribe" tells what its links are for.
_SHORT = 300

# What is put into words and addresses to keep filters and mail programs from finding them.
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2060\ufeff]")
_WITHIN = rf"(?:{_INVISIBLE.pattern}|<[^<>]{{0,200}}>)*"

_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE
)
_URL = re.compile(r"https?://(?:(?![<>\"'()\[\]])[!-~])+(?<![.,;:!?])")
_ONLY_URL = re.compile(rf"\s*<?{_URL.pattern}>?\s*")
_FOOTER = re.compile(r"\n_{20,}[ \t]*\n.{0,2000}\Z", re.DOTALL)
_SIGNATURE = re.compile(r"\n-- \n.{0,2000}\Z", re.DOTALL)
_BLANK = re.compile(r"\n(?:[ \t]*\n)+")
_SET = re.compile(r"(?:[ \t]{2,}|\t|[+@-]{2,} |[+-]\S)")

_PARTS_OF_TABLES = "table, thead, tbody, tfoot, tr, td, th, caption, colgroup, col"

# What begins a line by itself, at the beginning of a cell.
_BLOCKS = frozenset(
    [
        "p",
        "div",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "table",
        "pre",
        "blockquote",
        "br",
        "hr",
    ]
)

# Quotations within quotations that are told apart.
MAX_QUOTED = 8

Item = dict[str, object]


def read(body: bytes) -> RawFeed:
    """Return messages as a feed, as `mail_intake` has stored them.

    Raises:
        ValueError: It is something else.
    """
    items = cast("list[Item]", json.loads(body))
    names = (str(item["name"]) for item in items if item["name"])
    name = next(names, shown_key(str(items[-1]["key"])))
    return RawFeed(
        title=Text(value=name),
        subtitle=Text(),
        site_url="",
        language="",
        format="mail",
        entries=tuple(_entry(item) for item in items),
    )


def _entry(item: Item) -> RawEntry:
    sent_to = _texts(item, "sent_to")
    title = Text(value=_without_addresses(str(item["subject"]), sent_to))
    body = _body(item)
    archived_at = str(item["archived_at"])
    is_personal = _without_addresses(archived_at, sent_to) != archived_at
    return RawEntry(
        guid=str(item["message_id"]),
        url="" if is_personal else archived_at,
        title=title,
        body=body,
        language=str(item["language"]),
        authors=(Text(value=str(item["author"])),),
        published=str(item["date"]),
        by_first_rule=EarlierVersion(title=title, body=body),
    )


def _body(item: Item) -> Text:
    text = decode(b64decode(str(item["text"])), str(item["charset"]) or None).text
    leaving, sent_to = _texts(item, "leaving"), _texts(item, "sent_to")
    if not item["is_html"]:
        return Text(value=_from_plain(text, leaving, sent_to), html=True)
    if not is_affordable(text):
        # The cleaner shows it as text.
        return Text(value=_without_addresses(text, sent_to), html=True)
    return Text(value=_impersonal(text, leaving, sent_to), html=True)


def _texts(item: Item, key: str) -> tuple[str, ...]:
    return tuple(cast("list[str]", item[key]))


def _impersonal(text: str, leaving: Iterable[str], sent_to: Iterable[str]) -> str:
    """Return HTML without ways to leave, what is hidden, and tables that are there for the layout."""
    tree = LexborHTMLParser(text)
    if tree.body is None:
        return ""
    for node in tree.css("[style]"):
        if _HIDDEN.search(node.attributes.get("style") or ""):
            node.decompose()
    for link in tree.css("a[href]"):
        _clear(link, {unquote(url) for url in leaving}, tuple(sent_to))
    _unlink_leaving(tree)
    _unwrap_layout(tree)
    return _without_addresses(tree.body.html or "", sent_to)


def _unwrap_layout(tree: LexborHTMLParser) -> None:
    """Dissolve tables that place texts on a page; one with headings, and no other in it, is one."""
    kept = {
        part.mem_id
        for table in tree.css("table:has(th)")
        if all(one.mem_id == table.mem_id for one in table.css("table"))
        for part in (table, *table.css(_PARTS_OF_TABLES))
    }
    layout = [part for part in tree.css(_PARTS_OF_TABLES) if part.mem_id not in kept]
    for part in reversed(layout):
        if part.tag == "td" and _begins_with_text(part):
            part.insert_before(create_tag("br"))
        part.unwrap()


def _begins_with_text(cell: LexborNode) -> bool:
    first = cell.child
    while first is not None and first.is_empty_text_node:
        first = first.next
    return first is not None and first.tag not in _BLOCKS


def _clear(link: LexborNode, leaving: set[str], sent_to: tuple[str, ...]) -> None:
    target = unquote((link.attributes.get("href") or "").strip())
    pictures = " ".join(one.attributes.get("alt") or "" for one in link.css("img"))
    said = _INVISIBLE.sub("", f"{link.text()} {pictures}")
    if target in leaving or _PERSONAL.search(said) or _PERSONAL.search(target):
        link.decompose()
    elif _without_addresses(target, sent_to) != target:
        link.unwrap()


def _unlink_leaving(tree: LexborHTMLParser) -> None:
    """Dissolve links beside which it says that they are there to leave by."""
    by_block: dict[int, tuple[LexborNode, list[LexborNode]]] = {}
    for link in tree.css("a[href]"):
        block = link.parent
        while block is not None and (block.tag in FORMATTING or block.tag == "span"):
            block = block.parent
        if block is not None:
            by_block.setdefault(block.mem_id, (block, []))[1].append(link)
    for block, links in by_block.values():
        said = _INVISIBLE.sub("", block.text())
        if len(said) <= _SHORT and _LEAVING.search(said):
            for link in links:
                link.unwrap()


def _without_addresses(text: str, sent_to: Iterable[str]) -> str:
    for one in sent_to:
        letters = (c if c.isalnum() else f"(?:{re.escape(c)}|%(?:25)*{ord(c):02x})" for c in one)
        text = re.sub(_WITHIN.join(letters), "…", text, flags=re.IGNORECASE)
    return text


def _from_plain(text: str, leaving: Iterable[str], sent_to: Iterable[str]) -> str:
    """Return plain text as HTML: paragraphs, quotations, and what is set line by line."""
    text = _FOOTER.sub("", _SIGNATURE.sub("", text.replace("\r\n", "\n").rstrip() + "\n"))
    lines = _without_addresses(text, sent_to).split("\n")
    kept = [
        line
        for before, line in pairwise(["", *lines])
        if not (
            any(url in line for url in leaving)
            or (_URL.search(line) and _PERSONAL.search(line))
            or (_ONLY_URL.fullmatch(line) and _PERSONAL.search(before))
        )
    ]
    return _blocks("\n".join(kept), depth=0)


def _blocks(text: str, *, depth: int) -> str:
    return "".join(_block(block, depth=depth) for block in _BLANK.split(text.strip("\n")) if block)


def _block(text: str, *, depth: int) -> str:
    runs = groupby(text.rstrip().split("\n"), key=lambda line: line.startswith(">"))
    return "".join(
        _quotation(list(lines), depth=depth) if is_quoted else _paragraph(list(lines))
        for is_quoted, lines in runs
    )


def _quotation(lines: Sequence[str], *, depth: int) -> str:
    if depth >= MAX_QUOTED:
        return _paragraph(lines)
    inner = "\n".join(line[1:].removeprefix(" ") for line in lines)
    return f"<blockquote>{_blocks(inner, depth=depth + 1)}</blockquote>"


def _paragraph(lines: Sequence[str]) -> str:
    if any(map(_SET.match, lines)):
        written = "\n".join(lines)
        return f"<pre>{html.escape(written)}</pre>"
    joined = _linked(lines[0])
    for before, line in pairwise(lines):
        joined += (" " if len(before) >= WRAPPED else "<br>\n") + _linked(line)
    return f"<p>{joined}</p>"


def _linked(line: str) -> str:
    """Return a line as HTML, addresses of pages as links."""
    return _URL.sub(r'<a href="\g<0>">\g<0></a>', html.escape(line))
