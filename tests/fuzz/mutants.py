"""Feeds with something put in, taken out, doubled or moved: well-formed for the most part."""

import re
from random import Random

_SPACES = {
    "atom": "http://www.w3.org/2005/Atom",
    "cc": "http://web.resource.org/cc/",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "creativeCommons": "http://backend.userland.com/creativeCommonsRssModule",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "feedburner": "http://rssnamespace.org/feedburner/ext/1.0",
    "georss": "http://www.georss.org/georss",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "odd": "urn:example:odd",
    "psc": "http://podlove.org/simple-chapters",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "thr": "http://purl.org/syndication/thread/1.0",
    "xhtml": "http://www.w3.org/1999/xhtml",
}

_NAMES = (
    *("author", "authors", "base", "body", "category", "channel", "cloud", "comments", "content", "contributor", "copyright"),
    *("created", "date", "description", "div", "email", "enclosure", "entry", "expirationDate", "feed", "fullitem", "generator", "guid"),
    *("height", "homepage", "hour", "href", "id", "image", "info", "issued", "item", "items", "keywords", "language", "lastBuildDate"),
    *("link", "links", "managingEditor", "modified", "name", "published", "pubDate", "rights", "rss", "skipDays", "skipHours", "day"),
    *("source", "subtitle", "summary", "tagline", "tags", "texts", "textInput", "title", "ttl", "updated", "uri", "url"),
    *("webMaster", "width", "b", "p", "svg", "dc:creator", "dc:author", "dc:contributor", "dc:date", "dc:description"),
    *("dc:language", "dc:publisher", "dc:rights", "dc:subject", "dc:title", "dcterms:created", "dcterms:issued", "dcterms:modified"),
    *("dcterms:valid", "content:encoded", "feedburner:origLink", "feedburner:browserFriendly", "georss:point", "georss:where"),
    *("itunes:author", "itunes:block", "itunes:category", "itunes:duration", "itunes:explicit", "itunes:image", "itunes:keywords"),
    *("itunes:link", "itunes:name", "itunes:email", "itunes:owner", "itunes:subtitle", "itunes:summary", "itunes:title", "media:category"),
    *("media:content", "media:copyright", "media:credit", "media:description", "media:group", "media:keywords", "media:license"),
    *("media:player", "media:rating", "media:restriction", "media:thumbnail", "media:title", "odd:author", "odd:entry", "odd:item"),
    *("odd:title", "psc:chapter", "psc:chapters", "rdf:RDF", "rdf:li", "sy:updateFrequency", "sy:updatePeriod", "thr:total"),
    *("thr:title", "xhtml:body", "xhtml:div", "xhtml:p", "atom:link", "atom:author", "atom:content", "atom:summary", "atom:title"),
    *("atom:updated", "atom:id", "atom:source", "atom:entry", "cc:license", "creativeCommons:license", "admin:errorReportsTo"),
)  # fmt: skip

_TEXTS = (
    *("", " ", "Tides", "https://notes.example/a?b=1&amp;c=2", "/a?b&c;=d", "a.html", "2026-11-20T12:00:00Z", "3", "24", "Monday"),
    *("&lt;p&gt;It &lt;b&gt;rained&lt;/b&gt;.&lt;/p&gt;", "<![CDATA[<p>It <b>rained</b> &amp; more.</p>]]>", "if a &lt; b &amp;&amp; c"),
    *("Zo\u00c3\u00ab", "Zo\u00eb \x93quoted\x94", "\u6f6e\u6c50", "ada@notes.example (Ada)", "Ada", "one, two,, three", "60", "daily"),
    *("&lt;p>&amp;nbsp;&lt;/p>", "x<!-- y -->z", "x<?php y ?>z", "&#38;lt;b&#38;gt;", "<b>bold</b>", "&nbsp;", "hourly", "true", "52 13"),
    "<div xmlns='http://www.w3.org/1999/xhtml'>It <b class='&lt;\"'>rained</b>.<br/> <p>5 &lt; 6</p></div>",
    " <div xmlns='http://www.w3.org/1999/xhtml'>one</div> <div xmlns='http://www.w3.org/1999/xhtml'>two</div> ",
    "<xhtml:p>It <xhtml:img src='a.png'/> rained</xhtml:p> and more",
)  # fmt: skip

_ATTRIBUTES = (
    *("type='xhtml'", "type='html'", "type='text'", "type='text/html'", "type='text/plain'", "type='HTML'", "type='image/png'"),
    *("type='audio/mpeg'", "type=''", "type='text/xml'", "type='CDATA'", "mode='escaped'", "mode='base64'", "href='a/b'", "href=''"),
    *("href=' '", "href='https://notes.example/x y'", "href='http://['", "url='/pic.png'", "url=''", "uri='u'", "rel='self'", "rel='hub'"),
    *("rel='enclosure'", "rel='Alternate'", "rel=''", "rel='http://www.iana.org/assignments/relation/self'", "xml:base='/base/'"),
    *("xml:base='https://other.example/'", "xml:base=''", "xml:base='http://['", "xml:base='javascript:x'", "base='b/'", "xml:lang='de_AT'"),
    *("xml:lang=''", "lang='fr'", "isPermaLink='false'", "isPermaLink='true'", "term='t'", "label='l'", "scheme='s'", "domain='d'", "text='t'"),
    *("version='0.91'", "version='2.0'", "version='0.3'", "rdf:about='urn:a'", "rdf:resource='urn:r'", "medium='image'", "medium='video'"),
    *("fileSize='9'", "length='9'", "width='100'", "height='1'", "lastmod='x'", "src='s'", "kind='k'", "odd:href='o'", "odd:kind='o'"),
    *("xmlns='http://www.w3.org/2005/Atom'", "xmlns=''", "xmlns='urn:example:own'", "xmlns='http://purl.org/rss/1.0/'"),
    *("xmlns:media='http://www.w3.org/2005/Atom'", "xmlns:dc='urn:example:not-dc'", "xmlns:atom='http://search.yahoo.com/mrss/'"),
    *("xmlns:b='http://backend.userland.com/rss2'", "xmlns='http://backend.userland.com/RSS2'", "xmlns:m='http://search.yahoo.com/mrss'"),
    *("xmlns:thr='urn:example:threads'", "xmlns:x='http://www.w3.org/1999/xlink'", "XML:lang='x'", "TYPE='html'", "media:url='/m.png'"),
)  # fmt: skip

_START_TAG = re.compile(r"<[\w:.-]+(?=[\s/>])")
_ENTRY = re.compile(r"<(item|entry)[\s>].*?</\1\s*>", re.DOTALL)
_WHOLE = re.compile(r"<([\w:.-]+)(?:\s[^<>]*)?>[^<]*</\1>|<[\w:.-]+(?:\s[^<>]*)?/>")
_TAG = re.compile(r"<[^<>]*>")


def declared(text: str) -> str:
    """Return a feed with the prefixes of all that is put in declared at its root."""
    root = _START_TAG.search(text)
    if root is None:
        return text
    missing = [
        f' xmlns:{prefix}="{uri}"'
        for prefix, uri in _SPACES.items()
        if f"xmlns:{prefix}=" not in text
    ]
    return text[: root.end()] + "".join(missing) + text[root.end() :]


def mutant(text: str, chance: Random) -> str:
    """Return a feed with one to six changes."""
    for _ in range(chance.randint(1, 6)):
        change = chance.choice(
            [_insert, _insert, _insert, _attribute, _attribute, _remove, _double]
        )
        text = change(text, chance)
    return text


def an_element(chance: Random, depth: int = 0) -> str:
    name = chance.choice(_NAMES)
    attributes = "".join(
        f" {one}"
        for one in {chance.choice(_ATTRIBUTES) for _ in range(chance.choice([0, 0, 0, 1, 2]))}
    )
    inside = chance.choice(_TEXTS)
    if depth < 3 and not chance.randrange(4):
        inside += an_element(chance, depth + 1) + chance.choice(_TEXTS)
    return f"<{name}{attributes}>{inside}</{name}>" if inside else f"<{name}{attributes}/>"


def _insert(text: str, chance: Random) -> str:
    tags = list(_TAG.finditer(text))
    position = chance.choice(tags).end() if tags else len(text)
    return text[:position] + an_element(chance) + text[position:]


def _attribute(text: str, chance: Random) -> str:
    starts = list(_START_TAG.finditer(text))
    if not starts:
        return text
    position = chance.choice(starts).end()
    return f"{text[:position]} {chance.choice(_ATTRIBUTES)}{text[position:]}"


def _remove(text: str, chance: Random) -> str:
    found = list(_WHOLE.finditer(text))
    if not found:
        return text
    gone = chance.choice(found)
    return text[: gone.start()] + text[gone.end() :]


def _double(text: str, chance: Random) -> str:
    found = list(_WHOLE.finditer(text))
    tags = list(_TAG.finditer(text))
    if not found:
        return text
    position = chance.choice(tags).end()
    return text[:position] + chance.choice(found)[0] + text[position:]


def next_version(text: str, chance: Random) -> str:
    """Return a feed as it may be at the next poll: entries come, go, move, and are edited."""
    entries = list(_ENTRY.finditer(text))
    if not entries:
        return mutant(text, chance)
    header, tail = text[: entries[0].start()], text[entries[-1].end() :]
    spans = [entry[0] for entry in entries]
    for _ in range(chance.randint(0, 3)):
        one, position = chance.choice(entries)[0], chance.randrange(len(spans) + 1)
        edited = one.replace("1", "2").replace("a", "b")
        new = [one, edited, mutant(one, chance), f"<item>{an_element(chance)}</item>", ""]
        spans[position : position + chance.randrange(2)] = [chance.choice(new)]
    if not chance.randrange(4):
        chance.shuffle(spans)
    if not chance.randrange(4):
        header = mutant(header, chance)
    if not chance.randrange(6):
        tail = mutant(tail, chance)
    return header + chance.choice(["", "", "\n"]).join(spans) + tail
