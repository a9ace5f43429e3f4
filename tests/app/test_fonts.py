"""Fonts of pages, cut from the packages of the extra."""

import importlib.util

import pytest

from browser.showcase import TEMPLATES, shipped_templates
from tidings.app.fonts import FONTS, code_points, font_faces, fonts_in
from tidings.app.templates import load_templates


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("fonts")


def test_fonts_are_cut_once_and_then_read(kept):
    first = fonts_in(str(kept))
    for file in kept.iterdir():
        file.write_bytes(b"as it was kept: " + file.name.encode())
    again = fonts_in(str(kept))

    assert {name: body[:4] for name, body in first.items()} == {
        "serif.woff2": b"wOF2",
        "math.woff2": b"wOF2",
    }
    # The first view has the serif alone, beside some ten kilobytes.
    assert len(first["serif.woff2"]) < 32_000
    assert len(first["math.woff2"]) < 70_000
    assert all(body.startswith(b"as it was kept") for body in again.values())


def test_a_folder_that_cannot_be_written_to_costs_no_font(tmp_path, monkeypatch):
    monkeypatch.setattr("tidings.app.fonts.cut_font", lambda font, _: font.file.encode())
    (tmp_path / "file").touch()

    assert fonts_in(str(tmp_path / "file")) == {
        "serif.woff2": b"serif.woff2",
        "math.woff2": b"math.woff2",
    }


def test_without_the_extra_or_a_folder_there_are_none(tmp_path, monkeypatch):
    without_folder = fonts_in("")
    monkeypatch.setattr(
        "tidings.app.fonts.find_spec",
        lambda name: None if name == "fontTools" else importlib.util.find_spec(name),
    )

    assert without_folder == fonts_in(str(tmp_path)) == {}


def test_a_style_sheet_declares_the_fonts_that_are_there_and_has_another_version_then():
    fonts = {"serif.woff2": b"letters"}
    templates = load_templates([TEMPLATES], fonts=fonts)

    sheet = templates.file("style.css").decode()

    assert sheet.startswith('@font-face { font-family: "tidings serif"; src: url("serif.woff2?v=')
    assert sheet.count("@font-face") == 1
    assert templates.fingerprint != shipped_templates().fingerprint
    assert font_faces({}) == ""


def test_letters_are_code_points_and_ranges_of_them():
    assert list(code_points("U+41,U+61-63")) == [0x41, 0x61, 0x62, 0x63]
    assert all(ord("e") in code_points(font.letters) for font in FONTS)
