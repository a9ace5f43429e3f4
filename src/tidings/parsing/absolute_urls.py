"""Make URLs absolute, valid, and free of tracking parameters."""

import re
from collections.abc import Sequence
from ipaddress import IPv6Address
from urllib.parse import quote, urljoin, urlsplit

import idna

from tidings.model.urls import DEFAULT_PORTS
from tidings.parsing.text_cleaning import clean_text

MAX_LENGTH = 2048

_TRACKING = (
    "fbclid gclid gclsrc dclid gbraid wbraid gad_source msclkid yclid ysclid twclid ttclid igshid"
    " igsh li_fat_id mc_cid mc_eid mkt_tok _hsenc _hsmi __hssc __hstc __hsfp hsctatracking vero_id"
    " vero_conv oly_anon_id oly_enc_id rb_clickid s_cid wickedid epik _openstat _ga _gl"
    " ns_campaign ns_mchannel ns_source ns_linkname ns_fee pk_campaign pk_kwd pk_source pk_medium"
    " pk_content mtm_campaign mtm_keyword mtm_source mtm_medium mtm_content mtm_cid mtm_group"
    " mtm_placement ml_subscriber ml_subscriber_hash srsltid spm_id_from at_campaign at_medium"
    " at_custom1 at_custom2 at_custom3 at_custom4 xtor guccounter guce_referrer"
    " guce_referrer_sig"
)
# Query parameters that only tell the publisher where a visitor comes from.
TRACKING = frozenset(_TRACKING.split())
TRACKING_PREFIX = "utm_"

_PATH = r"(?:[\w.~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*+"
_PLAIN = re.compile(
    rf"https?://(?:[a-z0-9-]++\.)*+[a-z0-9-]*[a-z](?:/{_PATH}(?:\?(?P<query>{_PATH}))?)?", re.ASCII
)
# URLs that need no more than their tracking parameters taken away. No `;` in a path: `urljoin` drops
# an empty one. No default port: it goes. Five digits from 65000 on may be no port.
_REFERENCE = r"/(?:[\w.~!$&'()*+,=:@/-]|%[0-9A-Fa-f]{2})*+"
_REST = rf"(?:\?(?P<query>{_PATH}))?(?:#(?P<fragment>{_PATH}))?"
_PORT = r"(?::(?!(?:80|443)(?!\d))(?:[1-5]\d{4}|6[0-4]\d{3}|[1-9]\d{0,3}))?+"
_COMMON = re.compile(
    rf"(?P<page>(?P<origin>https?://[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_.])?{_PORT})(?:{_REFERENCE})?){_REST}",
    re.ASCII,
)
# From the root of the host, without dots to resolve.
_ROOTED = re.compile(rf"(?P<page>(?!//|[^?#]*/\.){_REFERENCE}){_REST}", re.ASCII)
_FRAGMENT = re.compile(rf"#(?P<fragment>{_PATH})", re.ASCII)
_WRITTEN = re.compile(r"(?i:https?)://[^\s/@\\]+(?:[/?#][!-~]*)?")
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_CONTROLS = "".join(map(chr, range(33)))
_LINE_BREAKS = re.compile(r"[\t\r\n]")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_.])?")
_QUERY_OR_FRAGMENT = re.compile("([?#])")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PATH_SAFE = "%/:@!$&'()*+,;=~"


def absolute_url(url: str | None, *bases: str | None) -> str | None:
    """Return `url` as an absolute http(s) URL in ASCII; None if it cannot be one.

    As in browsers (WHATWG URL), blanks around it and tabs and line breaks in it do not count,
    and a backslash is a slash. Credentials and tracking parameters are dropped.

    Args:
        url: Absolute, or relative to the bases.
        bases: Innermost first; each may be relative to the next.
    """
    # Longer than the limit at first: without tracking parameters it may fit.
    if not url or len(url) > 4 * MAX_LENGTH:
        return None
    if len(url) <= MAX_LENGTH and (quick := _joined_quickly(url, bases)):
        return quick
    return _joined_to_all(url, bases)


def _joined_quickly(url: str, bases: Sequence[str | None]) -> str | None:
    """Return what `_joined_to_all` does, for URLs of the common forms; None for all others."""
    if _is_plain(url):
        return url
    if found := _COMMON.fullmatch(url):
        return _page(found) + _fragment(found)
    if url[0] not in "/#" or not bases or not bases[0]:
        return None
    found, base = (
        (_ROOTED if url[0] == "/" else _FRAGMENT).fullmatch(url),
        _COMMON.fullmatch(bases[0]),
    )
    if not found or not base:
        return None
    page = base["origin"] + _page(found) if url[0] == "/" else _page(base)
    absolute = page + _fragment(found)
    return absolute if len(absolute) <= MAX_LENGTH else None


def _page(found: re.Match[str]) -> str:
    kept = _without_tracking(found["query"] or "")
    return f"{found['page']}?{kept}" if kept else found["page"]


def _fragment(found: re.Match[str]) -> str:
    written = found["fragment"]
    return f"#{written}" if written and not _is_tracking(written) else ""


def _joined_to_all(url: str, bases: Sequence[str | None]) -> str | None:
    base = ""
    for candidate in reversed(bases):
        base = _joined(base, candidate or "") or base
    absolute = _joined(base, url)
    return absolute if absolute and len(absolute) <= MAX_LENGTH else None


def exact_url(url: str | None, *bases: str | None) -> str | None:
    """Return `url` as written if it is absolute, else as `absolute_url` does.

    For WebSub, whose topics are compared as strings.
    """
    absolute = absolute_url(url, *bases)
    written = (url or "").strip()
    is_fit = written.isascii() and _WRITTEN.fullmatch(written)
    return written if absolute and is_fit else absolute


def canonical_url(url: str) -> str:
    """Return the normal form of a page's URL.

    Beyond `absolute_url`, the fragment is removed, unless it names a page (`#!`), and a bare
    host gets its slash. What is no http(s) URL is only trimmed.
    """
    absolute = absolute_url(url)
    if absolute is None:
        return url.strip()
    page, _, fragment = absolute.partition("#")
    parts = urlsplit(page)
    if not parts.path:
        page = parts._replace(path="/").geturl()
    return f"{page}#{fragment}" if fragment.startswith("!") else page


def _is_plain(url: str) -> bool:
    """Tell whether `url` is in normal form already, as most are."""
    found = _PLAIN.fullmatch(url)
    return found is not None and (not found["query"] or not _tracks(found["query"]))


def _joined(base: str, reference: str) -> str | None:
    if _is_plain(reference):
        return reference
    read = _LINE_BREAKS.sub("", clean_text(reference.strip(_CONTROLS)))
    scheme = _SCHEME.match(read)
    if not read or (scheme and scheme[1].lower() not in DEFAULT_PORTS):
        return None
    path, *rest = _QUERY_OR_FRAGMENT.split(read, maxsplit=1)
    try:
        return _normalised(urljoin(base, path.replace("\\", "/") + "".join(rest)))
    except ValueError:
        return None


def _normalised(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        return None
    host = _ascii_host(parts.hostname)
    if parts.port is not None and parts.port != DEFAULT_PORTS[parts.scheme]:
        host = f"{host}:{parts.port}"
    return parts._replace(
        netloc=host,
        path=_quoted(parts.path, _PATH_SAFE),
        query=_quoted(_without_tracking(parts.query), _PATH_SAFE + "?"),
        fragment="" if _is_tracking(parts.fragment) else _quoted(parts.fragment, _PATH_SAFE + "?"),
    ).geturl()


def _ascii_host(hostname: str) -> str:
    """Return a host as DNS has it (IDNA).

    Raises:
        ValueError: It is no host name (IDNAError is one).
    """
    if ":" in hostname:
        return f"[{IPv6Address(hostname)}]"
    # UTS 46, as in browsers: "Ä" is "ä" there, which IDNA 2008 alone refuses.
    host = hostname if hostname.isascii() else idna.encode(hostname, uts46=True).decode()
    if not _HOST.fullmatch(host):
        raise ValueError(f"no host name: {hostname!r}")
    return host


def _without_tracking(query: str) -> str:
    if not _tracks(query):
        return query
    return "&".join(part for part in query.split("&") if not _is_tracking(part))


def _tracks(query: str) -> bool:
    return any(map(_is_tracking, query.split("&")))


def _is_tracking(parameter: str) -> bool:
    name = parameter.partition("=")[0].removeprefix("amp;").lower()
    return name in TRACKING or name.startswith(TRACKING_PREFIX)


def _quoted(part: str, safe: str) -> str:
    return quote(_STRAY_PERCENT.sub("%25", part), safe=safe) if part else part
