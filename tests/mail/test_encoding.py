"""Whatever stands around the gaps, and whatever goes into them, is read back."""

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.mail.encoding import Base64, QuotedPrintable, encoded

segments = st.lists(
    st.one_of(
        st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=120),
        st.sampled_from(["x" * 75, "x" * 76, "=" * 25, "end ", ".", "." * 77, "", "\u65b0" * 40]),
    ).map(str.encode),
    min_size=1,
    max_size=5,
)
kinds = st.lists(st.integers(0, 2), min_size=4, max_size=4)
values = st.lists(
    st.binary(min_size=1, max_size=200).map(lambda raw: raw.hex().encode()), min_size=3, max_size=3
)


def expected(segments, kinds, values):
    first, *rest = (segment.replace(b"\n", b"\r\n") for segment in segments)
    return first + b"".join(values[kind] + one for kind, one in zip(kinds, rest, strict=False))


@given(segments=segments, kinds=kinds, values=values)
def test_quoted_printable_is_read_back(segments, kinds, values):
    wire = QuotedPrintable(segments, kinds[: len(segments) - 1]).filled(values)

    assert quopri.decodestring(wire) == expected(segments, kinds, values)
    assert (
        max(map(len, wire.split(b"\r\n"))) <= 77
    )  # of 76; binascii is one off before a blank at the end
    assert b"\n." not in b"\n" + wire  # SMTP would have to double the dot


@given(segments=segments, kinds=kinds, values=values, lengths=st.lists(st.integers(0, 2)))
def test_base64_is_read_back_with_values_of_every_length(segments, kinds, values, lengths):
    wide = [*(segment + b"--" for segment in segments[:-1]), segments[-1]]
    values = [value + b"x" * more for value, more in zip(values, [*lengths, 0, 0, 0], strict=False)]

    wire = Base64(wide, kinds[: len(segments) - 1]).filled(values)

    assert base64.b64decode(wire, validate=False) == expected(wide, kinds, values)
    assert b"=" not in wire.rstrip(b"=\r\n")
    assert max(map(len, wire.split(b"\r\n"))) <= 76


@pytest.mark.parametrize("between", ["", "a"])
def test_gaps_too_close_for_base64_are_filled_all_the_same(between):
    text = "\u65b0" * 100 + "GAP" + between + "HOLE" + "\u65b0" * 100

    body = encoded(text, ("HOLE", "GAP"))

    filled = text.replace("GAP", "v").replace("HOLE", "w")
    assert body.encoding == "quoted-printable"
    assert quopri.decodestring(body.filled([b"w", b"v"])).decode() == filled


def test_a_text_without_gaps_stays_as_it_is():
    body = encoded("GAP (.*)", ())

    assert quopri.decodestring(body.filled(())) == b"GAP (.*)"
