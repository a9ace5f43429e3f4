"""Reading with a memo: whatever became of a feed, the result is that of reading it as a whole."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fuzz.mutants import declared, next_version
from tidings.errors import ParseError
from tidings.model.feed import REMOVED, Document
from tidings.model.identity import Identifiers, keys_by_precision
from tidings.parsing.absolute_urls import canonical_url
from tidings.parsing.decoding import decode
from tidings.parsing.document import parse

URL = "https://notes.example/feed.xml"
TEXTS = [
    decode(path.read_bytes()).text
    for path in sorted((Path(__file__).parents[1] / "data").glob("*/*.xml"))
]
LONG = (
    '<?xml version="1.0"?><rss version="2.0"><channel><title>Log</title><link>/</link>'
    "<lastBuildDate>Tue, 01 Jul 2025 10:00:00 +0200</lastBuildDate>{}</channel></rss><!-- 0.2 s -->"
).format(
    "\n".join(
        f"<item><guid>{n}</guid><title>Note {n}</title><link>/{n}</link>"
        f"<description><![CDATA[<p>It rained {n} times.</p>]]></description></item>"
        for n in range(6)
    )
)
VERSIONS = [LONG, *TEXTS, *(declared(text) for text in TEXTS)]


def result(text, known, memo=None):
    """Return what comes of a document, be it an error."""
    try:
        return parse(Document(url=URL, body=text.encode(errors="replace")), known, memo=memo)
    except ParseError as error:
        return error.because


def as_stored(entry, chance):
    """Return what may be stored of an entry at the next poll, by key."""
    link = canonical_url(entry.url) if entry.url else None
    identifiers = Identifiers(guid=entry.guid, link=link, title=entry.title, date=None, text="")
    finer = keys_by_precision(identifiers)[1:2]
    return chance.choice(
        [
            *[{entry.key: entry.raw_hash}] * 6,
            {entry.key: REMOVED},
            {entry.key: bytes(16)},
            {},
            {entry.key: entry.raw_hash} | dict.fromkeys(finer, bytes(16)),
        ]
    )


@given(st.just(LONG) | st.sampled_from(VERSIONS), st.randoms(use_true_random=False))
def test_the_next_versions_are_read_with_a_memo_as_without_one(text, chance):
    known, memo = {}, None
    for _ in range(3):
        found = result(text, known, memo)

        assert found == result(text, known)

        memo = getattr(found, "memo", None) or memo
        for entry in getattr(found, "entries", ()):
            known |= as_stored(entry, chance)
        text = next_version(text, chance)
