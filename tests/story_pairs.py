"""The labelled pairs of `data/stories`, and how well they are told apart."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from parsed_entries import HOUR, NOON
from tidings.model.minhash import sketch_of
from tidings.stories.matching import StoryCandidate, find_candidates, find_matches

FOLDER = Path(__file__).with_name("data") / "stories"
_SENTENCE = re.compile(r"(?<=[.。])\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two entries of different sources, as (title, address, text), and whether they are one story.

    `earlier` is what the first source said before.
    """

    about: str
    language: str
    is_same: bool
    one: tuple[str, str, str]
    other: tuple[str, str, str]
    earlier: tuple[str, str, str] | None


def pairs():
    """Return all pairs of the set."""
    return [
        Pair(
            about=f"{path.stem}: {pair['about']}",
            language=path.stem,
            is_same=pair["same"],
            one=_side(pair["one"], known.get("articles", {}), f"https://one.example/{number}"),
            other=_side(pair["other"], known.get("articles", {}), f"https://two.example/{number}"),
            earlier=_side(pair["earlier"], known["articles"], f"https://one.example/{number}/0")
            if "earlier" in pair
            else None,
        )
        for path in sorted(FOLDER.glob("*.toml"))
        for known in [tomllib.loads(path.read_text("utf-8"))]
        for number, pair in enumerate(known["pairs"])
    ]


def find_likeness_of(pair):
    """Return why a pair is taken for one story, on the way that new entries take; None if it is not."""
    said = [(1, pair.earlier)] if pair.earlier else []
    *known, new = (
        StoryCandidate(
            seq=seq, source_id=source, seen_at=NOON + seq * HOUR, sketch=sketch_of(*entry)
        )
        for seq, (source, entry) in enumerate([*said, (1, pair.one), (2, pair.other)], start=1)
    )
    likely = find_candidates([*known, new], {})[new.seq]
    found = find_matches(new, [one for one in known if one.seq in likely])
    return found[0].similarity if found else None


@dataclass(slots=True)
class Score:
    """How many pairs were told right: one story and taken for one, not one and taken for one, …"""

    hit: int = 0
    false: int = 0
    missed: int = 0

    @property
    def precision(self):
        return self.hit / (self.hit + self.false)

    @property
    def recall(self):
        return self.hit / (self.hit + self.missed)


def score(chosen):
    """Return how well pairs are told apart, and which are not."""
    result, wrong = Score(), []
    for pair in chosen:
        is_taken = find_likeness_of(pair) is not None
        result.hit += pair.is_same and is_taken
        result.false += not pair.is_same and is_taken
        result.missed += pair.is_same and not is_taken
        wrong += [pair.about] if pair.is_same != is_taken else []
    return result, wrong


def _side(given, articles, url):
    article = articles.get(given.get("of"), {"title": "", "text": ""})
    text = given.get("text", article["text"])
    sentences = _SENTENCE.split(text)
    glue = " " if text.isascii() or " " in text else ""
    if "sentences" in given:
        text = glue.join(sentences[: given["sentences"]])
    for old, new in given.get("replace", []):
        text = text.replace(old, new)
    text = f"{given.get('before', '')} {text} {given.get('after', '')}".strip()
    if given.get("markup"):
        text = "".join(f"<p><em>{one}</em></p>" for one in sentences)
    return given.get("title", article["title"]), given.get("url", url), text
