"""The fonts of pages: cut from installed packages at the first start, and kept as files.

They come with the extra `fonts`. Whatever is missing of it, pages have the fonts of the reader.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

logger = logging.getLogger(__name__)

# What cuts them, and packs them as WOFF2.
TOOLS = ("fontTools", "brotli")


@dataclass(frozen=True, slots=True, kw_only=True)
class Font:
    """A font, and what is kept of it.

    Attributes:
        file: Its name among the files of the site.
        package: Where it comes from, and its path in there.
        letters: Code points, as in CSS's `unicode-range`.
        features: Of OpenType.
        axes: Of a variable font: the value of each that is fixed, the range of each other.
    """

    file: str
    package: str
    path: str
    letters: str
    features: Sequence[str]
    axes: Mapping[str, float | tuple[float, float]]


FONTS = (
    Font(
        file="serif.woff2",
        package="fontpkg_source_serif_4",
        path="files/SourceSerif4[opsz,wght].ttf",
        letters="U+20-7E,U+A0-FF,U+131,U+152-153,U+2013-2014,U+2018-201A,U+201C-201E,U+2022,"
        "U+2026,U+2032-2033,U+2039-203A,U+20AC,U+2122,U+2190-2193,U+2212",
        features=("kern", "liga", "lnum", "tnum", "mark", "ccmp"),
        axes={"wght": (400, 650), "opsz": 14},
    ),
    Font(
        file="math.woff2",
        package="ziamath",
        path="fonts/STIXTwoMath-Regular.ttf",
        # What our own converter writes; the rest comes from a font of the reader's.
        letters="U+20-7E,U+A0-FF,U+302-304,U+20D7,U+391-3C9,U+3D5,U+3F5,U+2026,U+2032-2034,"
        "U+2061-2064,U+2102,U+2112,U+2115,U+211A,U+211D,U+2124,U+2190-2194,U+21A6,U+21D0-21D4,"
        "U+2200-220B,U+220F-2213,U+2217-221E,U+2223,U+2225,U+2227-222E,U+223C,U+2245,U+2248,"
        "U+2260,U+2261,U+2264,U+2265,U+226A,U+226B,U+2282-2287,U+2295-2297,U+22C5,U+22EE-22F1,"
        "U+2308-230B,U+27E8,U+27E9,U+1D434-1D467,U+1D6FC-1D714",
        features=("ssty",),
        axes={},
    ),
)


def fonts_in(folder: str) -> dict[str, bytes]:
    """Return the fonts of pages by the names of their files, as far as they are installed.

    Args:
        folder: Where they are kept; empty for no fonts at all.
    """
    if not folder or not all(map(find_spec, TOOLS)):
        return {}
    found = ((font, _origin(font)) for font in FONTS)
    return {font.file: _kept(font, path, Path(folder)) for font, path in found if path}


def _origin(font: Font) -> Path | None:
    # Without importing it: only the file in it is wanted.
    spec = find_spec(font.package)
    places = spec.submodule_search_locations if spec else None
    path = Path(places[0]) / font.path if places else None
    return path if path and path.is_file() else None


def _kept(font: Font, origin: Path, folder: Path) -> bytes:
    # Another version of the font, or another cut, is another file.
    digest = sha256(origin.read_bytes() + repr(font).encode()).hexdigest()[:12]
    file = folder / f"{digest}-{font.file}"
    if file.is_file():
        return file.read_bytes()
    cut = cut_font(font, origin)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".part")
        unfinished.write_bytes(cut)
        unfinished.replace(file)
    except OSError as error:
        # It costs some seconds at each start, and nothing else.
        logger.warning("font not kept", extra={"file": str(file), "because": error.strerror})
    return cut


def cut_font(font: Font, origin: Path) -> bytes:
    """Return what is wanted of a font, as WOFF2."""
    # Here, for most commands, and installations without the extra, have no use for it.
    from fontTools import subset
    from fontTools.ttLib import TTFont
    from fontTools.varLib import instancer

    options = subset.Options(layout_features=[*font.features], hinting=False, notdef_outline=True)
    options.drop_tables += ["DSIG", "meta"]
    whole = TTFont(origin)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[*code_points(font.letters)])
    cutter.subset(whole)
    if font.axes:
        whole = instancer.instantiateVariableFont(whole, {**font.axes})
    whole.flavor = "woff2"
    written = BytesIO()
    whole.save(written)
    return written.getvalue()


def code_points(letters: str) -> Iterator[int]:
    """Yield the code points of a `unicode-range`."""
    for part in letters.split(","):
        first, _, last = part.removeprefix("U+").partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


def font_faces(fonts: Mapping[str, bytes]) -> str:
    """Return the beginning of a style sheet that has fonts, by the names of their files."""
    rules = []
    for font in FONTS:
        if body := fonts.get(font.file):
            # In the address, so that it can be cached for ever.
            version = sha256(body).hexdigest()[:12]
            weights = " font-weight: 400 650;" if "wght" in font.axes else ""
            rules.append(
                f'@font-face {{ font-family: "tidings {font.file.partition(".")[0]}";'
                f' src: url("{font.file}?v={version}") format("woff2");{weights}'
                f" font-display: swap; unicode-range: {font.letters}; }}\n"
            )
    return "".join(rules)
