"""Addresses, dates, headers, excerpts and keys: what holds whatever a publisher writes there."""

import gzip
import zlib
from datetime import UTC, timedelta
from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise

import regex
from hypothesis import assume, example, given
from hypothesis import strategies as st
from yarl import URL

from fuzz.soups import ANY_TEXT, URLS
from hostile_round import assert_readable, assert_web_address
from parsed_entries import NOON, a_feed, an_entry
from tidings.errors import FetchError, ForbiddenAddressError
from tidings.fetching import guard, interpret
from tidings.fetching.bodies import _Inflater, _window
from tidings.fetching.guard import is_public
from tidings.model.entries import EntryState
from tidings.model.identity import KEY_SIZE, Identifiers, entry_keys
from tidings.model.urls import host_of
from tidings.parsing.absolute_urls import absolute_url, canonical_url
from tidings.parsing.code import Code
from tidings.parsing.dates import parse_date
from tidings.parsing.excerpts import (
    ELLIPSIS,
    MAX_CHARACTERS,
    MAX_CLUSTERS,
    Break,
    _as_text,
    _is_chinese,
    _Line,
    _says_more_than_code,
    excerpt,
)
from tidings.parsing.formulas import Formula
from tidings.polling.compare import KnownEntry, compare
from tidings.polling.new_entries import Circumstances, FirstPoll

PAGE = "https://example.org/a/b?c=d"


@given(URLS, st.lists(st.none() | URLS, max_size=2))
def test_an_absolute_address_is_a_web_address_and_stays_as_it_is(url, bases):
    absolute = absolute_url(url, *bases, PAGE)

    assert_web_address(absolute)
    if absolute:
        assert absolute_url(absolute) == absolute
        assert canonical_url(canonical_url(absolute)) == canonical_url(absolute)


@given(URLS)
def test_an_address_is_dialled_as_it_is_checked_or_refused(address):
    try:
        target = guard.parse_target(address)
    except ForbiddenAddressError:
        return

    assert target.url.scheme in {"http", "https"}
    assert target.url.raw_host
    assert target.url.user is None
    assert guard.parse_target(str(target.url)).url == target.url
    assert guard.host_port(target.url) == host_of(str(target.url))


@given(URLS)
def test_a_redirect_leads_to_a_web_address_or_nowhere(location):
    try:
        url = guard.resolve_redirect(URL(PAGE), location)
    except FetchError:
        return

    assert url.scheme in {"http", "https"}
    assert url.raw_host
    assert url.user is None


@given(st.text(st.characters(categories=["L", "N"], max_codepoint=127), min_size=12), URLS)
@example("opensesame12", "[::1]@")
def test_a_password_is_never_shown(password, rest):
    assume(password not in rest)

    shown = guard.without_credentials(f"http://user:{password}@{rest}")

    assert password not in shown


@given(st.integers(0, 2**32 - 1))
def test_what_embeds_an_address_is_no_more_public_than_that(number):
    inner = IPv4Address(number)
    packed = inner.packed

    mapped = IPv6Address(b"\0" * 10 + b"\xff\xff" + packed)
    translated = IPv6Address(bytes.fromhex("0064ff9b" + "00" * 8) + packed)
    embedding = [
        IPv6Address(bytes.fromhex("2002") + packed + b"\0" * 10),
        IPv6Address(b"\0" * 12 + packed),
        IPv6Address(bytes.fromhex("20010000") + b"\0" * 8 + packed),
    ]

    assert is_public(mapped) == is_public(translated) == is_public(inner)
    assert not any(map(is_public, embedding))
    if is_public(inner):
        assert inner.is_global
        assert not inner.is_multicast


@given(st.binary(max_size=3000), st.lists(st.integers(1, 400), max_size=8), st.integers(0, 2))
def test_a_body_is_decoded_the_same_however_it_is_cut(data, cuts, kind):
    encoding, packed = [
        ("gzip", gzip.compress(data)),
        ("deflate", zlib.compress(data)),
        ("gzip", gzip.compress(data[:100]) + gzip.compress(data[100:])),
    ][kind]

    inflater = _Inflater(_window(encoding, packed, "https://a.example/"))
    found = b""
    for size in [*cuts, len(packed)]:
        piece, packed = packed[:size], packed[size:]
        found += inflater.inflate(piece, len(data) + 1 - len(found))

    assert found == data
    assert inflater.is_whole


@given(
    st.binary(min_size=1, max_size=3000), st.sampled_from(["gzip", "deflate"]), st.integers(1, 500)
)
def test_a_broken_body_takes_no_more_room_than_it_gets(data, encoding, room):
    window = _window(encoding, data, "https://a.example/")
    if not window:
        return
    inflater = _Inflater(window)
    try:
        found = inflater.inflate(data, room)
    except zlib.error:
        return

    assert len(found) <= room


@given(ANY_TEXT | st.from_regex(r"(max-age=)?-?\d{0,30}.*"), st.none() | ANY_TEXT)
def test_no_header_asks_for_more_than_the_longest_pause(value, other):
    pauses = [
        interpret.retry_after(value, now=NOON),
        interpret.fresh_for(value, expires=other, age=value, date=other, now=NOON),
    ]

    assert all(pause is None or timedelta(0) <= pause <= interpret.LONGEST_HINT for pause in pauses)


_DATES = st.lists(
    st.sampled_from(
        [
            "1",
            "7",
            "01",
            "31",
            "2025",
            "25",
            "1751364000",
            "-",
            "/",
            ":",
            ".",
            ",",
            "T",
            "Z",
            "+",
            "+0200",
            "-2359",
            "GMT",
            "CEST",
            "EST",
            "Tue",
            "Juli",
            "июля",
            "7月",
            "年",
            "日",
            "上午",
            "PM",
            "10:00",
            "24:00",
            "99",
            "٣",
            "",
            "\n",
            "(",
            ")",
        ]
    ),
    max_size=12,
).map("".join)


@given(_DATES | ANY_TEXT)
def test_a_date_is_a_moment_of_ours_or_none(raw):
    moment = parse_date(raw)

    if moment is not None:
        assert moment.tzinfo is UTC
        assert 1899 <= moment.year <= 3000


@given(st.datetimes(NOON.replace(tzinfo=None, year=1971), NOON.replace(tzinfo=None, year=2900)))
def test_a_date_that_is_written_as_it_should_be_is_read_as_it_was_meant(moment):
    whole = moment.replace(microsecond=0, tzinfo=UTC)

    assert parse_date(whole.isoformat()) == whole
    assert parse_date(whole.strftime("%a, %d %b %Y %H:%M:%S GMT")) == whole


_ATOMS = st.sampled_from(
    [
        "word ", "Other, ", "end. ", "。", "\uff0c", "中文", "日本語", "สวัสดี", " ", "\n", "e\u0301", "👨\u200d👩\u200d👧", "🇩🇪🇫🇷", "가\u1100\u1161",
        "https://example.org/a?b=c,d ", "www.example.org/漢字/ ", "\u202e", "\x07", "“x”", "(", ")", "h", "w", "http", "www", "x" * 60, "\u0301" * 20,
        Formula(tex="x^2 + y"), Formula(tex="z" * 400), Formula(tex="z", display=True), Code(source="c"), Break.BLOCK,
    ]
)  # fmt: skip


@given(st.lists(_ATOMS | st.text(max_size=30), max_size=150), st.sampled_from([None, "zh", "en"]))
def test_an_excerpt_cuts_no_cluster_no_formula_and_no_address(pieces, language):
    line = excerpt(pieces, language=language)

    assert_readable(line)
    assert len(regex.findall(r"\X", line)) <= MAX_CLUSTERS
    assert line.count(r"\(x^2") == line.count(r"x^2 + y\)")
    assert len(line) <= MAX_CHARACTERS + len(ELLIPSIS)
    whole = excerpt_without_limit(pieces, language)
    kept = line.removesuffix(ELLIPSIS).rstrip()
    assert whole.startswith(kept)
    assert len(kept) in cluster_ends(whole) or len(kept) == MAX_CHARACTERS


def excerpt_without_limit(pieces, language):
    """Return the line that an excerpt is cut from."""
    line = _Line(chinese=_is_chinese(pieces, language))
    for piece in pieces if _says_more_than_code(pieces) else map(_as_text, pieces):
        line.add(piece)
    return line.text


def cluster_ends(text):
    return {0, *(found.end() for found in regex.finditer(r"\X", text))}


_MARKS = st.builds(
    Identifiers,
    guid=st.none() | st.sampled_from(["a", "b"]) | ANY_TEXT.filter(bool),
    link=st.none() | st.sampled_from([PAGE, PAGE + "#1", "https://example.org/"]),
    title=st.sampled_from(["", "t", "u"]) | ANY_TEXT,
    date=st.none() | st.sampled_from(["2025", "2026"]),
    text=st.sampled_from(["", "x"]) | ANY_TEXT,
)


@given(st.lists(_MARKS, max_size=8))
def test_keys_tell_entries_apart_and_nothing_else(entries):
    keys = entry_keys(entries)

    assert [len(key) for key in keys] == [KEY_SIZE] * len(entries)
    assert entry_keys(entries) == keys
    for one, other in pairwise(entries):
        if one.guid and other.guid and one.guid != other.guid:
            assert keys[entries.index(one)] != keys[entries.index(other)]


_ENTRIES = st.lists(
    st.builds(
        an_entry,
        st.integers(0, 30).map(lambda number: f"urn:example:{number}"),
        title=st.sampled_from(["A title", "Another title", "A third"]),
        text=st.sampled_from(["A text.", "Another text."]),
        published=st.none() | st.integers(-(10**5), 10**5).map(lambda n: NOON + timedelta(hours=n)),
    ),
    max_size=15,
    unique_by=lambda entry: entry.key,
)


@given(
    _ENTRIES,
    _ENTRIES,
    st.none() | st.builds(FirstPoll, public=st.integers(0, 5), imported=st.booleans()),
    st.sampled_from([0, 5]),
)
def test_every_entry_is_new_once(before, after, first, outburst):
    known = {
        one.key: KnownEntry(id=number, raw_hash=one.raw_hash, revision=one.revision)
        for number, one in enumerate(before, 1)
    }
    circumstances = Circumstances(
        source_url="https://example.org/feed", now=NOON, first=first, flood_limit=outburst
    )

    changes = compare(a_feed(*after), known, circumstances=circumstances)

    arrived = [new.entry.key for new in changes.new]
    assert sorted(arrived) == sorted({one.key for one in after} - known.keys())
    assert all(new.sort_at <= NOON for new in changes.new)
    assert len({new.atom_id for new in changes.new}) == len(changes.new)
    if first:
        public = [new for new in changes.new if new.state is EntryState.PUBLIC]
        assert len(public) <= first.public
    edited = [edit.entry_id for edit in changes.edits]
    assert len(set(edited)) == len(edited)
    assert set(edited) <= {one.id for one in known.values()}
