"""The index of a site of files: complete, small in every file, and moved little by what is new."""

import json
import shutil
from dataclasses import replace
from itertools import pairwise

import pytest
from sqlalchemy import update

from browser.showcase import SITE, shipped_templates
from newsletter_site import NewsletterSite
from parsed_entries import NOON
from published_documents import SETTINGS
from tidings.db.database import Database
from tidings.db.tables import entry, source
from tidings.model.entries import EntryState, Republish
from tidings.publishing import search_files, static_site
from tidings.publishing.search_files import segments_of, shard_of
from tidings.publishing.site_context import SiteContext


class FileSite:
    """A site of files, and what its index says."""

    def __init__(self, database, folder):
        self.room = NewsletterSite(database)
        self.folder = folder
        self.site = replace(SITE, has_forms=False, has_file_search=True)

    def write(self):
        context = SiteContext(
            settings=SETTINGS,
            site=self.site,
            templates=shipped_templates(),
            page_path=static_site.page_path,
        )
        return static_site.publish(
            self.room.database, context, self.folder, assets={}, clock=lambda: NOON
        )

    def read(self, name):
        return json.loads((self.folder / "search" / name).read_bytes())

    def find(self, word):
        """Return the ids of entries that have a word, each with where."""
        found = {}
        for start, count in self.read("index.json")["segments"]:
            place = 0
            shard = self.read(f"{start}-{count}/{shard_of(word, count)}.json")
            for step in shard.get(word, []):
                place += step
                found[start + place // 4] = place % 4
        return found

    @property
    def times(self):
        files = (self.folder / "search").rglob("*.json")
        return {str(path.relative_to(self.folder)): path.stat().st_mtime_ns for path in files}


@pytest.fixture
def site(sqlite_template, tmp_path):
    shutil.copyfile(sqlite_template, tmp_path / "tidings.db")
    database = Database(f"sqlite:///{tmp_path}/tidings.db")
    yield FileSite(database, tmp_path / "public")
    database.close()


def set_states(site, state, *ids):
    with site.room.database.write() as connection:
        connection.execute(update(entry).where(entry.c.id.in_(ids)).values(state=state))


def test_words_are_found_with_where_they_stand_at_best(site):
    source_id = site.room.follow()
    [titled] = site.room.publish(source_id, title="A lighthouse", text="灯塔")
    [early] = site.room.publish(source_id, text="a lighthouse")
    [late] = site.room.publish(source_id, text=f"{'word ' * 200} lighthouse")

    site.write()

    assert site.find("lighthouse") == {titled: 3, early: 2, late: 1}
    assert site.find("灯塔") == {titled: 2}
    assert site.find("nothing") == {}


def test_what_is_shown_of_a_hit_leads_to_our_page_or_to_the_publisher_who_wants_that(site):
    ours, theirs = site.room.follow(), site.room.follow()
    [one] = site.room.publish(ours, title=r"Half: \(\frac{1}{2}\)", excerpt="x" * 300)
    [two] = site.room.publish(theirs, content="<p>the whole body</p>", excerpt="short")
    with site.room.database.write() as connection:
        only_titles = update(source).where(source.c.id == theirs)
        connection.execute(only_titles.values(republish=Republish.TITLE))

    site.write()
    shown = site.read("entries/0.json")

    assert (shown[str(one)]["title"], shown[str(one)]["url"]) == ("Half: 1/2", f"/entries/{one}")
    assert len(shown[str(one)]["excerpt"]) == 200
    assert shown[str(two)]["url"].startswith("https://example.org/")
    # Nor can it be pieced together from the index.
    assert site.find("whole") == site.find("short") == {}
    assert shown[str(two)]["excerpt"] == ""


def test_what_is_hidden_is_in_the_index_no_more(site):
    hidden, held, old, kept = site.room.publish(site.room.follow(), 4, text="lighthouse")
    site.write()

    set_states(site, EntryState.HIDDEN, hidden)
    set_states(site, EntryState.HELD, held)
    set_states(site, EntryState.BACKFILL, old)
    site.write()

    assert set(site.find("lighthouse")) == {old, kept}
    assert set(site.read("entries/0.json")) == {str(old), str(kept)}


def test_a_new_entry_moves_the_newest_segment_only(site, monkeypatch):
    monkeypatch.setattr(search_files, "SMALLEST", 4)
    monkeypatch.setattr(search_files, "LARGEST", 16)
    monkeypatch.setattr(search_files, "SHOWN_TOGETHER", 4)
    source_id = site.room.follow()
    site.room.publish(source_id, 41, text="lighthouse")
    site.write()
    before = site.times

    site.room.publish(source_id, text="lighthouse")
    site.write()

    moved = {path for path, time in site.times.items() if before.get(path) != time}
    assert site.read("index.json")["segments"] == [[0, 1], [16, 1], [32, 1], [40, 1]]
    assert moved == {"search/40-1/0.json", "search/entries/10.json"}
    assert len(site.find("lighthouse")) == 42


def test_segments_cover_every_id_once_and_are_few():
    for last in (0, 1, 255, 256, 4095, 4096, 10_000, 123_456):
        found = list(segments_of(last))
        assert found[0].start == 0
        assert all(one.stop == other.start for one, other in pairwise(found))
        assert last in found[-1]
        assert len(found) <= last // 4096 + 6


def test_an_empty_site_has_an_empty_index(site):
    site.write()

    assert site.read("index.json")["segments"] == []
    assert b'action="/search/"' in (site.folder / "index.html").read_bytes()


def test_words_that_begin_alike_are_in_one_file_and_others_are_spread():
    assert shard_of("database", 64) == shard_of("data", 64) == shard_of("dat", 64)
    assert shard_of("学习", 64) == shard_of("学", 64) == shard_of("学者", 64)
    assert len({shard_of(f"{one}{other}x", 64) for one in "abcdefg" for other in "abcdefg"}) > 25
