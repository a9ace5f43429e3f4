"""What the validator of the W3C refuses in a feed, and what it warns of, as far as we write it."""

import re
from collections import Counter
from datetime import datetime
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from xml.parsers import expat

from lxml import etree

from tidings.publishing.formats.values import LANGUAGES

A = "{http://www.w3.org/2005/Atom}"
MEDIA = "{http://search.yahoo.com/mrss/}"
DC = "{http://purl.org/dc/elements/1.1/}"
ENCODED = "{http://purl.org/rss/1.0/modules/content/}encoded"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

CHARS = r"[0-9a-zA-Z;/?:@&=+$.\-_!~*'()%,#]"
ADDRESS = re.compile(rf"[a-zA-Z][0-9a-zA-Z+.-]*:(?://)?{CHARS}+")
HREF = re.compile(rf"[a-zA-Z][0-9a-zA-Z+.-]*:(?://)?(?:\[[0-9A-Fa-f:]+\])?{CHARS}+")
URN = re.compile(r"urn:[a-zA-Z0-9][a-zA-Z0-9-]{1,31}:([a-zA-Z0-9()+,.:=@;$_!*'-]|%[0-9A-Fa-f]{2})+")
UUID = re.compile(r"urn:uuid:[a-f0-9]{8}(-[a-f0-9]{4}){3}-[a-f0-9]{12}", re.IGNORECASE)
TAG = re.compile(rf"tag:([a-z0-9\-._]+@)?[a-z0-9.\-]+,\d{{4}}(-\d{{2}}){{0,2}}:{CHARS}*")
MIME = re.compile(r"""[^\s()<>,;:\\"/[\]?=]+/[^\s()<>,;:\\"/[\]?=]+""")
FILE = re.compile(
    r"https?://([0-9]+(\.[0-9]+){3}|([a-z0-9-]+\.)+[a-z0-9-]+)(:[0-9]+)?(/|$)", re.IGNORECASE
)
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
RFC_2822 = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000")
BAD_CHARACTER = re.compile("[\x80-\x9f\ufffd]")
LOOKS_LIKE_HTML = re.compile(r"</\w+>|&#?\w+")
ONCE_IN_AN_ITEM = (
    "title",
    "link",
    "description",
    "guid",
    "pubDate",
    "source",
    "enclosure",
    ENCODED,
)


def faults(body):
    """Return what is wrong with a document, in words."""
    expat.ParserCreate().Parse(body, True)
    root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, huge_tree=True))
    found = [*_faults_of_texts(root), *_faults_of_pictures(root)]
    found += _faults_of_atom(root) if root.tag == f"{A}feed" else _faults_of_rss(root)
    return found


def _faults_of_texts(root):
    for element in root.iter():
        for text in (element.text or "", *element.attrib.values()):
            if BAD_CHARACTER.search(text):
                yield f"{element.tag}: a character that is none"
        language = element.get(XML_LANG)
        if element.tag in {"language", f"{DC}language"}:
            language = element.text or ""
        if language is not None and language.lower().split("-")[0] not in LANGUAGES:
            yield f"{element.tag}: no language: {language}"


def _faults_of_pictures(root):
    for content in root.iter(f"{MEDIA}content"):
        yield from _faults_of_address("media:content", content.get("url"))
        yield from _faults_of_file(content)
        if content.get("medium") not in {"image", "audio", "video", "document", "executable"}:
            yield f"no medium: {content.get('medium')}"
        for side in ("width", "height"):
            if not (content.get(side) or "1").isdecimal():
                yield f"no {side}: {content.get(side)}"
        for words in content.findall(f"{MEDIA}description"):
            if words.get("type") not in {None, "plain", "html"} or not words.text:
                yield f"no words: {words.text}"


def _faults_of_atom(feed):
    entries = feed.findall(f"{A}entry")
    yield from _repeated(entry.findtext(f"{A}id") for entry in entries)
    for part in feed.iter(f"{A}feed", f"{A}entry", f"{A}source"):
        yield from _missing(part, f"{A}id", f"{A}title", f"{A}updated")
        yield from _faults_of_address("id", part.findtext(f"{A}id"))
        yield from _faults_of_links(part.findall(f"{A}link"))
    for entry in entries:
        yield from _faults_of_entry(entry)
    for text in feed.iter(*(f"{A}{name}" for name in ("title", "subtitle", "summary", "rights"))):
        if text.get("type") != "html" and LOOKS_LIKE_HTML.search(text.text or ""):
            yield f"{text.tag}: not declared as HTML: {text.text}"
    for content in feed.iter(f"{A}content"):
        yield from _faults_of_html(content.text or "")
    for date in feed.iter(f"{A}updated", f"{A}published"):
        yield from _faults_of_date(date.text, RFC_3339, datetime.fromisoformat)


def _faults_of_entry(entry):
    if not [*entry.findall(f"{A}link[@rel='alternate']"), *entry.findall(f"{A}content")]:
        yield "neither content nor a page"
    if not all(name.text for name in entry.findall(f"{A}author/{A}name")):
        yield "an author without a name"


def _faults_of_links(links):
    yield from _repeated(
        (link.get("type"), link.get("hreflang"))
        for link in links
        if link.get("rel", "alternate") == "alternate"
    )
    for link in links:
        if not HREF.fullmatch(link.get("href")):
            yield f"link: no address: {link.get('href')}"
        yield from _faults_of_file(link)


def _faults_of_rss(rss):
    [channel] = rss
    yield from _missing(channel, "title", "link", "description", "lastBuildDate")
    items = channel.findall("item")
    yield from _repeated(item.findtext("guid") for item in items)
    for item in items:
        yield from _faults_of_item(item)
    for link in rss.iter("link"):
        yield from _faults_of_address("link", link.text)
    for source in rss.iter("source"):
        yield from _faults_of_address("source", source.get("url"))
    for date in rss.iter("lastBuildDate", "pubDate"):
        yield from _faults_of_date(date.text, RFC_2822, parsedate_to_datetime)
    for enclosure in rss.iter("enclosure"):
        yield from _faults_of_enclosure(enclosure)


def _faults_of_item(item):
    names = [child.tag for child in item]
    yield from _repeated(name for name in names if name in ONCE_IN_AN_ITEM)
    if "title" not in names and "description" not in names:
        yield "neither title nor description"
    if ENCODED in names and "description" not in names[: names.index(ENCODED)]:
        yield "content without a description before it"
    for html in (item.findtext("description"), item.findtext(ENCODED)):
        yield from _faults_of_html(html or "")
    guid = item.find("guid")
    if guid.get("isPermaLink") == "true":
        yield from _faults_of_address("guid", guid.text)


def _faults_of_enclosure(enclosure):
    if not FILE.match(enclosure.get("url")):
        yield f"no file: {enclosure.get('url')}"
    if not {"length", "type"} <= set(enclosure.attrib):
        yield "an enclosure without length or type"
    yield from _faults_of_file(enclosure)


def _faults_of_date(date, form, read):
    if not form.fullmatch(date) or read(date).year < 1990:
        yield f"no date: {date}"


def _missing(part, *names):
    for name in names:
        if [bool(one.text) for one in part.findall(name)] != [True]:
            yield f"{part.tag} must have one {name}"


def _repeated(values):
    for value, times in Counter(values).items():
        if times > 1:
            yield f"{times} times: {value}"


def _faults_of_address(name, address):
    rule = ADDRESS
    if address.lower().startswith("urn:"):
        rule = UUID if address.lower().startswith("urn:uuid:") else URN
    elif address.startswith("tag:"):
        rule = TAG
    if not rule.fullmatch(address):
        yield f"{name}: no address: {address}"


def _faults_of_file(element):
    kind, length = element.get("type"), element.get("length")
    if kind is not None and not MIME.fullmatch(kind):
        yield f"no media type: {kind}"
    if length is not None and not length.isdecimal():
        yield f"no length: {length}"


class _Html(HTMLParser):
    def __init__(self):
        super().__init__()
        self.faults = []

    def handle_starttag(self, tag, attrs):
        if tag in {"script", "style", "iframe", "object", "embed", "form", "input"}:
            self.faults.append(f"dangerous: {tag}")
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.faults.append(f"dangerous: {name}")
            if name in {"href", "src"} and not re.match(
                r"(?:https?|mailto|tel|data):|#", value or ""
            ):
                self.faults.append(f"relative: {value}")


def _faults_of_html(html):
    parser = _Html()
    parser.feed(html)
    return parser.faults
