"""The fast reader: whatever is done to a feed, it reads what feedparser would, or gives up."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fuzz.mutants import declared, mutant
from tidings.parsing import fast_reader, rss_atom
from tidings.parsing.decoding import decode
from tidings.parsing.xml_repair import repair

URL = "https://notes.example/feed.xml"
DOCUMENTS = [
    repair(decode(path.read_bytes()).text).text
    for path in sorted((Path(__file__).parents[1] / "data" / "feeds").glob("*.xml"))
]
PLAIN = [declared(text) for text in DOCUMENTS if fast_reader.read(text, url=URL) is not None]


@given(st.sampled_from(PLAIN), st.randoms(use_true_random=False))
def test_a_mutant_is_read_as_feedparser_would_or_not_at_all(text, chance):
    document = repair(mutant(text, chance))

    if fast_reader.read(document.text, url=URL) is not None:
        assert rss_atom.read(document, url=URL) == rss_atom.read_by_feedparser(document, url=URL)
