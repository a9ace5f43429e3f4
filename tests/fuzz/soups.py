"""Raw material for properties: text and markup that is half right, and so goes far."""

from hypothesis import strategies as st

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=200)
"""Any code points, lone surrogates and noncharacters among them."""

_TRICKY = st.sampled_from(
    [
        "\0", "\x0b", "\x1b[31m", "\x85", "\xad", "\u061c", "\u200b", "\u200d", "\u202e", "\u2028", "\u2066", "\ud800",
        "\udfff", "\ufeff", "\ufffe", "\ufdd0", "\U0010ffff", "e\u0301", "👨\u200d👩\u200d👧", "🇩🇪", "ﷺ", "İ", "ß", "漢字",
        "สวัสดี", "\u0300" * 30,
    ]
)  # fmt: skip

_HTML = st.sampled_from(
    [
        "<p>", "</p>", "<div>", "</div>", "<b id=i>", "</b>", "<a href='", "javascript:x", "'>", "</a>", "<img src=x onerror=y>",
        "<svg>", "</svg>", "<math>", "<mtext>", "<mglyph>", "<annotation-xml encoding=text/html>", "</math>", "<mi href=x>",
        "<style>", "</style>", "<script>", "</script>", "<title>", "<textarea>", "<noscript>", "</noscript>", "<table>", "<td>",
        "</table>", "<pre class=language-python>", "</pre>", "<code>", "</code>", "<!--", "-->", "--!>", "<![CDATA[", "]]>",
        "<template>", "<select>", "<option>", "<iframe srcdoc='<b>'>", "<plaintext>", "<xmp>", "<form>", "<frameset>", "<body>",
        "$x^2$", "$$", "\\(", "\\)", "\\[", "\\]", "\\frac{", "}", "\\text{<b>}", "\\begin{align}", "\\end{align}", "&lt;", "&#0;", "&#8;", "&#x1F;", "&#127;", "&#x202e;",
        "&#xD800;", "&colon;", "&#106;avascript", "&", "&amp;lt;p&amp;gt;", "<br>", "<li>", "<ol start=-5>", "<ruby>", "<rt>", '"', "=",
        "<video src=/a poster=//b>", "<source src=c>", "<h1>", "<details open>", "<q cite=x>", " style='x'", " title='\">'", "/>", "<", ">",
        "https://example.org/a_(b)?c=d&e=f#g ", "www.example.org/漢字 ", "word ", "。", ", ", "\n\n", "\t",
    ]
)  # fmt: skip

HTML = st.lists(_HTML | _TRICKY | st.text(max_size=8), max_size=60).map("".join)
"""HTML of mostly misplaced tags, formulas, code and strange characters."""

_XML = st.sampled_from(
    [
        "<rss version='2.0'>", "<channel>", "</channel>", "<item>", "</item>", "<title>", "</title>", "<link>", "</link>", "<guid>", "</guid>",
        "<description>", "</description>", "<pubDate>Tue, 01 Jul 2025 10:00:00 +0200</pubDate>", "<pubDate>", "</pubDate>", "<author>",
        "a@b.example (Ann)", "</author>", "<category domain='x'>", "</category>", "<enclosure url='", "' length='", "' type='a/b'/>",
        "<feed xmlns='http://www.w3.org/2005/Atom' xml:base='/a/'>", "<entry xml:lang='zh'>", "</entry>", "</feed>", "<id>", "</id>",
        "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>", "</div></content>", "<content type='text/html' mode='base64'>",
        "<content type='", "<summary type='html'>", "</summary>", "<link rel='enclosure' href='", "'/>", "<updated>2025-07-01T10:00:00Z</updated>",
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>", "<content:encoded>", "</content:encoded>", "<media:content url='",
        "<itunes:image href='/x.png'/>", "<ttl>", "</ttl>", "<skipHours><hour>3</hour></skipHours>", "<sy:updatePeriod>hourly</sy:updatePeriod>",
        "<![CDATA[", "]]>", "<!--", "-->", "<!DOCTYPE rss [<!ENTITY x 'y'>]>", "&x;", "&nbsp;", "&lt;p&gt;", "&#0;", "&#xD800;", "&", "<?xml version='1.0' encoding='",
        "gbk", "utf-16", "'?>", "http://example.org/a", "javascript:alert(1)", "file:///etc/passwd", "<", ">", "'", "a:b", "<georss:point>1 x</georss:point>",
    ]
)  # fmt: skip

XML = st.lists(_XML | _HTML | _TRICKY | st.text(max_size=8), max_size=50).map("".join)
"""Feeds of mostly misplaced elements."""

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | HTML,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "url",
                    "external_url",
                    "title",
                    "content_html",
                    "content_text",
                    "summary",
                    "image",
                    "date_published",
                    "authors",
                    "name",
                    "tags",
                    "attachments",
                    "mime_type",
                    "size_in_bytes",
                    "language",
                    "items",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)

JSON_FEEDS = st.fixed_dictionaries(
    {"version": st.just("https://jsonfeed.org/version/1.1"), "items": st.lists(_JSON, max_size=4)},
    optional={"title": _JSON, "home_page_url": _JSON, "authors": _JSON, "language": _JSON},
)
"""Values of JSON Feeds, of whatever types."""

CODECS = st.sampled_from(
    [
        "utf-8",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "gb18030",
        "big5",
        "shift_jis",
        "euc-kr",
        "koi8-r",
        "cp1252",
        "cp037",
        "utf-7",
    ]
)

DOCUMENTS = (
    st.binary(max_size=400)
    | st.builds(lambda text, codec: text.encode(codec, errors="replace"), XML, CODECS)
    | XML.map(lambda text: text.encode(errors="surrogatepass"))
)
"""What servers may send."""

URLS = (
    st.lists(
        st.sampled_from(
            [
                "http", "https", "javascript", "file", "data", ":", "//", "/", "\\", "@", "?", "#", "%", "%00", "%2e", "..", ".",
                "example.org", "127.0.0.1", "[::1]", "[", "]", "user:pass", ":80", ":99999", ":x", "é", "漢", "①", "\t", "\n",
                " ", "\0", "utm_source=x", "&", "=", "a", "xn--", "\uff0e", "\ud800", "\u202e",
            ]
        ),
        max_size=12,
    ).map("".join)
    | ANY_TEXT
)  # fmt: skip
"""What stands where an address should."""
