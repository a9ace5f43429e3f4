"""Whatever stands around the gaps, and whatever goes into them, is read back."""

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.delivery.encodings import Base64, QuotedPrintable, encoded

segments = st.lists(
    st.one_of(
        st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=120),
        st.sampled_from(["x" * 75, "x" * 76, "=" * 25, "end ", ".", "", "\u65b0" * 40]),
    ).map(str.encode),
    min_size=1,
    max_size=4,
)
values = st.binary(min_size=1, max_size=200).map(lambda raw: raw.hex().encode())


def expected(segments, value):
    return value.join(segment.replace(b"\n", b"\r\n") for segment in segments)


@given(segments=segments, value=values)
def test_quoted_printable_is_read_back(segments, value):
    wire = QuotedPrintable(segments).filled(value)

    assert quopri.decodestring(wire) == expected(segments, value)
    assert (
        max(map(len, wire.split(b"\r\n"))) <= 77
    )  # of 76; binascii is one off before a blank at the end


@given(segments=segments, values=st.lists(values, min_size=3, max_size=3))
def test_base64_is_read_back_with_values_of_every_length(segments, values):
    text = Base64([segments[0], *(segment + b"--" for segment in segments[1:])])

    for number, value in enumerate(values):
        longer = value + b"x" * number
        wire = text.filled(longer)
        whole = expected([segments[0], *(segment + b"--" for segment in segments[1:])], longer)
        assert base64.b64decode(wire, validate=False) == whole
        assert max(map(len, wire.split(b"\r\n"))) <= 76


@pytest.mark.parametrize("between", ["", "a"])
def test_gaps_too_close_for_base64_are_filled_all_the_same(between):
    text = "\u65b0" * 100 + "GAP" + between + "GAP" + "\u65b0" * 100

    body = encoded(text, "GAP")

    assert body.encoding == "quoted-printable"
    assert quopri.decodestring(body.filled(b"v")).decode() == text.replace("GAP", "v")
