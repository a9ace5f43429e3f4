"""What feedparser's handlers mix up, kept apart: each text with the element that it stood in."""

import re

from feedparser.mixin import _FeedParserMixin

from tidings.parsing.nodes import Node

_RELATION = re.compile(r"https?://www\.iana\.org/assignments/(?:link-)?relations?/(?:.*[#/])?")
"""A registered link relation by its whole name (RFC 4287, section 4.2.7.2)."""

_TEXTS = frozenset({"content", "description", "summary", "subtitle", "itunes_subtitle"})

_Attributes = dict[str, str]


class ElementReader(_FeedParserMixin):  # type: ignore[misc] # feedparser is untyped
    """Mixed in before feedparser's own parsers; what they keep themselves stays as it is.

    An entry, and the feed, has under `texts` whatever may be its body, each with its `element`,
    the type `declared`, and the `base` of what is inside; an entry has its own base under
    `base`. Of media, `group` tells which are one thing in several forms, and their `title` and
    `description` are theirs.
    """

    incontent: int
    _element = ""
    _group: Node = {}  # noqa: RUF012 - stands for no group, and is never written to
    _groups = 0
    _medium: Node | None = None

    def unknown_starttag(self, tag: str, attributes: list[tuple[str, str]]) -> None:
        """Note which element begins, and what addresses in it are relative to."""
        base = dict(attributes).get("xml:base")
        if not self.incontent:
            self._element = self._map_to_standard_prefix(tag).removeprefix(":")
        elif base and tag.rpartition(":")[2] == "div" and not "".join(self.elementstack[-1][2]):
            # The element that wraps XHTML (RFC 4287, section 3.1.1.3) is no part of it.
            self.contentparams["base"] = base
        super().unknown_starttag(tag, attributes)

    def push_content(self, tag: str, attributes: _Attributes, kind: str, expecting: int) -> None:
        """Note what the element says of the text that begins."""
        super().push_content(tag, attributes, kind, expecting)
        self.contentparams["element"] = self._element
        self.contentparams["declared"] = attributes.get("type", "")
        is_of_medium = self._medium is not None and self._element.startswith("media:")
        self.contentparams["of_medium"] = is_of_medium

    def pop_content(self, tag: str) -> str | None:
        """Keep the text that ends."""
        written: str | None = self.pop(tag)
        detail: Node = {**self.contentparams, "value": written}
        self.incontent -= 1
        self.contentparams.clear()
        if written and not (self.insource or self.inimage or self.intextinput):
            self._keep(tag, detail)
        return written

    def _keep(self, tag: str, detail: Node) -> None:
        part = "title" if tag == "title" else "description"
        context = self.entries[-1] if self.inentry else self.feeddata
        if self._element.startswith("media:"):
            if self._medium is not None:
                self._medium.setdefault(part, detail)
                return
            if self._group:
                self._group.setdefault(part, detail)
        if tag == "title":
            context["has_title"] = True
        elif tag in _TEXTS:
            context.setdefault("texts", []).append(detail)

    def _is_base64(self, attributes: _Attributes, content: _Attributes) -> bool:
        if "base64" in {attributes.get("mode"), content["type"]}:
            return True
        # What is no media type, such as "CDATA", says nothing of how a text is encoded.
        kind = content["type"]
        is_binary = "/" in kind and "html" not in kind
        return is_binary and bool(super()._is_base64(attributes, content))

    def _start_item(self, attributes: _Attributes) -> None:
        super()._start_item(attributes)
        self.entries[-1]["base"] = self.baseuri
        self._medium, self._group = None, {}

    _start_entry = _start_item

    def _start_link(self, attributes: _Attributes) -> None:
        if relation := attributes.get("rel"):
            attributes["rel"] = _RELATION.sub("", relation.strip())
        for name in ("href", "url", "uri"):
            if not attributes.get(name, name).strip():
                del attributes[name]  # the address is the text of the element
        super()._start_link(attributes)

    def _start_itunes_subtitle(self, attributes: _Attributes) -> None:
        # A teaser: feedparser has it take the place of a channel's description.
        self.push_content("itunes_subtitle", attributes, "text/plain", 1)

    def _end_itunes_subtitle(self) -> None:
        self.pop_content("itunes_subtitle")

    def _start_media_group(self, _: _Attributes) -> None:
        self._groups += 1
        self._group = {"number": self._groups}
        self._get_context().setdefault("media_groups", []).append(self._group)

    def _end_media_group(self) -> None:
        self._group = {}

    def _start_media_content(self, attributes: _Attributes) -> None:
        super()._start_media_content(attributes)
        self._medium = self._get_context()["media_content"][-1]
        self._medium["group"] = self._group.get("number")

    def _end_media_content(self) -> None:
        self._medium = None

    def _start_media_thumbnail(self, attributes: _Attributes) -> None:
        super()._start_media_thumbnail(attributes)
        self._get_context()["media_thumbnail"][-1]["group"] = self._group.get("number")
