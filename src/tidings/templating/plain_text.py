"""Plain text in messages and feeds: one line, clipped, wrapped, with formulas as text; and URIs."""

# ruff: noqa: RUF001 - signs of mathematics look like letters
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from urllib.parse import quote

from tidings.model.cjk import FULL_WIDTH, HANGUL
from tidings.model.text import to_script

# Columns of a line, as RFC 5322 asks.
WIDTH = 78

# A publisher could turn round what stands after a title in a line.
_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")

# After these no line may end, before those none may begin.
_OPENING = "（［｛〈《「『【〔〖‘“"

_CLOSING = "）］｝〉》」』】〕〗’”、。，．：；？！…—・ー々,.;:?!%)"

_UNIT = re.compile(
    rf"[{_OPENING}]*(?:(?:\\\(.*?\\\)|[^\s{FULL_WIDTH}])+|[{FULL_WIDTH}])[{re.escape(_CLOSING)}]*\s*"
)

_WIDE = re.compile(f"[{FULL_WIDTH}\u1100-\u115f\u3000{HANGUL}\uffe0-\uffe6\U0001f300-\U0001faff]")

# Takes no column of its own.
_MARK = re.compile("[\u0300-\u036f\u200b-\u200d\u20d0-\u20ff\ufe00-\ufe0f]")

# Of braces in braces; deeper ones are no formula to be read in passing.
MAX_DEPTH = 6

_INLINE = re.compile(r"\\\((.*?)\\\)")

_SCRIPT_SIGNS = ("^", "_")

# Markers around a fraction until both of its neighbours are known.
_FRACTION = re.compile("\0([^\0\1]*)\1")

_ENDS_TERM = re.compile(r"[\w)\]√′\1]\Z")

_BEGINS_TERM = re.compile(r"[\w(\[√^⁻\0]")

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.")

# Stands in decoded text for bytes that meant nothing.
LOST = "\ufffd"

# Without what XML 1.0 discourages: C1 controls, and the noncharacters from U+FDD0 on.
_ALLOWED = r"\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff"

_CLEAN = re.compile(f"[{_ALLOWED}]*")

_FORBIDDEN = re.compile(f"[^{_ALLOWED}]")

_URI = re.compile(r"https?://[a-z0-9.:-]+/[\w%/:?#@!$&'()*+,;=.~-]*", re.ASCII)

_ADDRESS = re.compile(r"(https?://)(?:[^/?#]*@)?([^/?#]+)(.*)", re.IGNORECASE | re.DOTALL)

# With the percent sign: what is escaped already stays as it is.
_DELIMITERS = "%/:?#@!$&'()*+,;="

_GREEK = (
    "alpha α beta β gamma γ delta δ epsilon ε varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι "
    "kappa κ lambda λ mu μ nu ν xi ξ pi π rho ρ sigma σ tau τ upsilon υ phi φ varphi φ chi χ psi ψ "
    "omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω"
)

_SIGNS = (
    "times × cdot · div ÷ pm ± mp ∓ ast ∗ star ⋆ circ ∘ bullet • oplus ⊕ otimes ⊗ cap ∩ cup ∪ "
    "wedge ∧ vee ∨ land ∧ lor ∨ neg ¬ lnot ¬ sum ∑ prod ∏ int ∫ partial ∂ nabla ∇ infty ∞ "
    "forall ∀ exists ∃ emptyset ∅ varnothing ∅ hbar ℏ ell ℓ Re ℜ Im ℑ aleph ℵ prime ′ degree ° "
    "ldots … dots … cdots ⋯ vdots ⋮ langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ "
    "lvert | rvert | vert | mid | lVert ‖ rVert ‖ Vert ‖ angle ∠ perp ⊥ top ⊤ bot ⊥ triangle △ dagger †"
)

_RELATIONS = (
    "le ≤ leq ≤ ge ≥ geq ≥ ne ≠ neq ≠ equiv ≡ approx ≈ sim ∼ simeq ≃ cong ≅ propto ∝ ll ≪ gg ≫ "
    "in ∈ notin ∉ ni ∋ subset ⊂ subseteq ⊆ supset ⊃ supseteq ⊇ setminus ∖ to → rightarrow → "
    "leftarrow ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ Leftrightarrow ⇔ implies ⇒ iff ⇔ "
    "mapsto ↦ longrightarrow ⟶ vdash ⊢ models ⊨ lt < gt >"
)

_NAMES = (
    "arccos arcsin arctan arg cos cosh cot deg det dim exp gcd hom inf ker lg lim liminf limsup ln "
    "log max min Pr sec sin sinh sup tan tanh"
)

_AS_TEXT = (
    "text textrm textbf textit mathrm mathbf mathit mathsf mathtt mathcal operatorname boldsymbol "
    "bm mbox"
)

_NOTHING = "left right big Big bigl bigr Bigl Bigr displaystyle textstyle limits nolimits"

_MARKS: Mapping[str, str] = MappingProxyType({"′": "′", "∘": "°", "∗": "*", "*": "*"})

_ACCENTS: Mapping[str, str] = MappingProxyType(
    {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "dot": "\u0307", "vec": "\u20d7"}
)

_ALONE: Mapping[str, str] = MappingProxyType({"'": "′", "~": " "})

_DOUBLE: Mapping[str, str] = MappingProxyType(dict(zip("CEFHNPQRZ", "ℂ𝔼𝔽ℍℕℙℚℝℤ", strict=True)))


def one_line(text: str) -> str:
    """Return `text` as one line, without control and bidi characters."""
    return xml_line(_OVERRIDES.sub("", text))


def clipped(text: str, limit: int) -> str:
    """Return `text`, or its beginning and an ellipsis: at most `limit` characters.

    Words and formulas stay whole where they can.
    """
    if len(text) <= limit:
        return text
    head = text[:limit]
    # The cut would be within a formula, which then would be no formula.
    if head.rfind("\\(") > head.rfind("\\)"):
        head = head[: head.rfind("\\(")]
    # Not further back: in scripts without blanks the only one may be near the beginning.
    blank = head.rfind(" ", len(head) // 2)
    return head[: limit - 1 if blank < 0 else blank].rstrip() + "…"


def columns(text: str) -> int:
    """Return how many columns `text` takes where all letters have the same width."""
    # Nearly all words: there is nothing to look for in them.
    if text.isascii():
        return len(text)
    return len(text) + len(_WIDE.findall(text)) - len(_MARK.findall(text))


def fitted(text: str, width: int) -> str:
    """Return `text`, or its beginning and an ellipsis: at most `width` columns."""
    if columns(text) <= width:
        return text
    used = 0
    for index, character in enumerate(text):
        used += columns(character)
        if used > width:
            return clipped(text, index)
    return text


def wrapped(text: str, indent: str = "") -> str:
    """Return `text` in lines of at most `WIDTH` columns, each after `indent`.

    Scripts without blanks break between characters, but not before a mark that ends
    something or after one that begins it. A word, a formula or an address that is wider
    than a line has one of its own.
    """
    lines: list[str] = []
    line, used = indent, 0
    for unit in _UNIT.findall(" ".join(text.split())):
        word = unit.rstrip()
        size = columns(word)
        if used and len(indent) + used + size > WIDTH:
            lines.append(line.rstrip())
            line, used = indent, 0
        line += unit
        used += size + len(unit) - len(word)
    return "\n".join([*lines, line.rstrip()])


def readable(text: str) -> str:
    r"""Return `text` with its `\(…\)` written as plain text; one that cannot be stays as it is."""
    return _INLINE.sub(lambda formula: _find_plain(formula[1]) or formula[0], text)


def _find_plain(latex: str) -> str | None:
    try:
        return " ".join(_with_fractions(_Formula(latex).group()).split())
    except ValueError:
        return None


class _Formula:
    """A parser of LaTeX, from left to right; whatever has no plain form is a `ValueError`."""

    def __init__(self, latex: str) -> None:
        # From the end, where taking one costs nothing.
        self._tokens = _TOKEN.findall(latex)[::-1]
        self._depth = 0

    def group(self) -> str:
        """Read up to the brace that closes the group, or to the end."""
        if self._depth > MAX_DEPTH:
            raise ValueError("braces")
        self._depth += 1
        parts: list[str] = []
        while self._tokens and (sign := self._tokens.pop()) != "}":
            parts.append(self._piece(sign))
        self._depth -= 1
        return "".join(parts)

    def _piece(self, sign: str) -> str:
        if sign == "{":
            inner = self.group()
            is_base = self._tokens and self._tokens[-1] in _SCRIPT_SIGNS
            return _based(inner) if is_base else inner
        if sign in _SCRIPT_SIGNS:
            text = self._argument()
            # Such as ^\circ, which is a degree sign and nothing raised.
            return _MARKS.get(text) or to_script(sign, text)
        if sign.startswith("\\"):
            return self._command(sign[1:])
        # A column of a matrix: there is no line of text for it.
        if sign == "&":
            raise ValueError(sign)
        return _ALONE.get(sign, sign)

    def _command(self, name: str) -> str:
        plain = _SYMBOLS.get(name)
        return self._built(name) if plain is None else plain

    def _built(self, name: str) -> str:
        inner = self._argument()
        match name:
            case "frac" | "dfrac" | "tfrac" | "binom" | "overset":
                built = self._of_two(name, inner)
            case "sqrt":
                built = self._root(inner)
            case "mathbb" if inner in _DOUBLE:
                built = _DOUBLE[inner]
            case _ if name in _ACCENTS and len(inner) == 1:
                built = inner + _ACCENTS[name]
            case "pmod":
                built = f" (mod {inner})"
            case _ if name in _AS_TEXT.split():
                built = inner
            case _:
                raise ValueError(name)
        return built

    def _of_two(self, name: str, first: str) -> str:
        second = self._argument()
        match name:
            case "binom":
                return f"C({first}, {second})"
            case "overset":
                return second + to_script("^", first)
            case _:
                return f"\0{_enclosed(first)}/{_divisor(second)}\1"

    def _root(self, inner: str) -> str:
        # `\sqrt[3]{x}`: `_argument` has taken the bracket for the root's content.
        if inner != "[":
            return f"√{_rooted(inner)}"
        return f"{to_script('^', self._bracketed())}√{_rooted(self._argument())}"

    def _bracketed(self) -> str:
        parts: list[str] = []
        while self._tokens:
            if (sign := self._tokens.pop()) == "]":
                return "".join(parts)
            parts.append(self._piece(sign))
        raise ValueError("]")

    def _argument(self) -> str:
        while self._tokens:
            sign = self._tokens.pop()
            if sign != " ":
                return (self.group() if sign == "{" else self._piece(sign)).strip()
        raise ValueError("argument")


def _with_fractions(text: str) -> str:
    """Put a fraction between brackets where it would run into its neighbours."""
    # The innermost first: the pattern has no marker inside.
    while found := _FRACTION.search(text):
        before, after = text[: found.start()], text[found.end() :]
        is_glued = _ENDS_TERM.search(before) or _BEGINS_TERM.match(after)
        text = f"{before}({found[1]}){after}" if is_glued else f"{before}{found[1]}{after}"
    return text


def _based(text: str) -> str:
    is_one = (
        len(text) <= 1 or text.isalnum() or (text[0] == "(" and text.find(")") == len(text) - 1)
    )
    return text if is_one else f"({text})"


def _rooted(text: str) -> str:
    return text if len(text) == 1 or text.isdigit() else f"({text})"


def _divisor(text: str) -> str:
    # "1/2b" is half of b to many.
    is_product = text[:1].isdecimal() and any(map(str.isalpha, text))
    return f"({text})" if is_product else _enclosed(text)


def _enclosed(text: str) -> str:
    return text if text.isalnum() else f"({text})"


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    words = text.split()
    yield from zip(words[::2], words[1::2], strict=True)


_SYMBOLS: Mapping[str, str] = MappingProxyType(
    {
        **dict(_pairs(_GREEK)),
        **dict(_pairs(_SIGNS)),
        **{name: f" {sign} " for name, sign in _pairs(_RELATIONS)},
        **dict.fromkeys((",", ":", ";", " ", "quad", "qquad"), " "),
        **dict.fromkeys(("!", *_NOTHING.split()), ""),
        **{sign: sign for sign in (*"{}%$&#_", *_NAMES.split())},
        **dict.fromkeys(("bmod", "mod"), " mod "),
        "colon": ": ",
        "|": "‖",
    }
)


def xml_text(text: str) -> str:
    """Return `text` without the characters that XML forbids or discourages."""
    # Nearly all text is clean, and to see that it is takes a third of the time.
    return text if _CLEAN.fullmatch(text) else _FORBIDDEN.sub("", text)


def xml_line(text: str) -> str:
    """Return `text` as one line that XML allows, without blanks at its ends.

    Where a character got lost on its way to us stands a question mark, which validators allow.
    """
    return " ".join(xml_text(text).replace(LOST, "?").split())


def find_uri(url: str | None) -> str | None:
    """Return an http(s) address as a URI: in ASCII, with a path, escaped where it has to be.

    RSS knows no IRIs, and validators refuse brackets outside of a host. Credentials are
    left out: what we publish is for everybody.
    """
    # Nearly all addresses are URIs already.
    if not url or _URI.fullmatch(url):
        return url or None
    parts = _ADDRESS.fullmatch(xml_text(url))
    if parts is None:
        return None
    scheme, host, rest = parts.groups()
    slash = "" if rest.startswith("/") else "/"
    return scheme + quote(host, safe=f"{_DELIMITERS}[]") + slash + quote(rest, safe=_DELIMITERS)
