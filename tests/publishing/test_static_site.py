"""The static site: complete, written only where something changed, whole at every moment."""

import json
import shutil

import pytest
from sqlalchemy import update

from browser.showcase import SITE, shipped_templates
from paged_lists import PagedLists
from parsed_entries import NOON
from published_documents import SETTINGS
from tidings.catalog import change_log, topics
from tidings.db.database import Database
from tidings.db.tables import source
from tidings.errors import ConfigError, ConflictError
from tidings.polling.source_list import remove_source
from tidings.publishing import static_site
from tidings.publishing.site_context import SiteContext
from tidings.publishing.static_site import MANIFEST, UNFINISHED, page_path


class Publisher:
    """Writes paged lists into a folder."""

    def __init__(self, paged, folder):
        self.paged = paged
        self.folder = folder
        self.templates = shipped_templates()
        self.assets = {"style.css": b"body {}"}

    def __call__(self):
        context = SiteContext(
            settings=SETTINGS, site=SITE, templates=self.templates, page_path=page_path
        )
        return static_site.publish(
            self.paged.database, context, self.folder, assets=self.assets, clock=lambda: NOON
        )

    @property
    def files(self):
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and path.name != MANIFEST
        }

    def changed(self, before):
        """Return the files that are new or different."""
        return {path for path, body in self.files.items() if before.get(path) != body}


@pytest.fixture
def publish(sqlite_template, tmp_path):
    shutil.copyfile(sqlite_template, tmp_path / "tidings.db")
    database = Database(f"sqlite:///{tmp_path}/tidings.db")
    yield Publisher(PagedLists(database), tmp_path / "public")
    database.close()


def test_everything_that_is_published_is_a_file(publish):
    source_id = publish.paged.room.follow(topic="science")
    publish.paged.publish(source_id, *range(30))

    done = publish()

    assert done.files == done.written == done.rendered == len(publish.files)
    assert {
        "index.html",
        "page/1/index.html",
        "topics/science/page/1/index.html",
        "topics/science.json",
        "topics/index.html",
        "sources/index.html",
        "sources.opml",
        "feed.atom",
        "style.css",
        "sitemap.xml",
        "robots.txt",
        "404.html",
        *(f"entries/{publish.paged.id_of(n)}/index.html" for n in range(30)),
    } < set(publish.files)
    assert b'href="/page/1/"' in publish.files["index.html"]


def test_the_second_time_nothing_is_rendered_and_nothing_written(publish):
    publish.paged.publish(publish.paged.room.follow(), *range(30))
    first = publish()
    times = {path: path.stat().st_mtime_ns for path in publish.folder.rglob("*")}

    second = publish()

    assert (second.files, second.rendered, second.written, second.removed) == (first.files, 0, 0, 0)
    assert {path: path.stat().st_mtime_ns for path in publish.folder.rglob("*")} == times


def test_a_new_entry_renders_its_own_page_and_the_fronts_and_feeds_it_stands_in(publish):
    one, other = publish.paged.room.follow(topic="science"), publish.paged.room.follow()
    publish.paged.publish(one, *range(0, 60, 2))
    publish.paged.publish(other, *range(1, 60, 2))
    publish()
    before = publish.files

    publish.paged.publish(other, 60)
    done = publish()

    new = f"entries/{publish.paged.id_of(60)}/index.html"
    changed = publish.changed(before)
    assert new in changed
    assert {"index.html", "feed.atom", "feed.rss", "feed.json"} < changed
    assert not [path for path in changed if "page/" in path or "science" in path]
    assert done.written == len(changed)
    assert done.rendered < 20


def test_what_is_gone_is_removed_and_what_is_not_ours_stays(publish):
    kept, gone = publish.paged.room.follow(), publish.paged.room.follow(topic="science")
    publish.paged.publish(kept, 1)
    publish.paged.publish(gone, 2)
    publish()
    mine = publish.folder / "entries" / "notes.txt"
    mine.write_text("of somebody else")

    with publish.paged.database.write() as connection:
        remove_source(connection, gone, now=NOON)
        topics.remove(connection, "science", now=NOON)
    done = publish()

    assert done.removed == 1 + 4 + 4
    assert not (publish.folder / "topics" / "science").exists()
    assert not [path for path in publish.files if "science" in path]
    assert mine.read_text() == "of somebody else"


def test_a_file_that_would_be_the_same_is_rendered_but_not_written(publish):
    publish.paged.publish(publish.paged.room.follow(), 1)
    publish()
    with publish.paged.database.write() as connection:
        change_log.touch_everything(connection, now=NOON)

    done = publish()

    assert done.rendered > 10
    assert done.written == 0


def test_a_run_that_breaks_off_leaves_files_that_are_whole_and_the_next_one_ends_it(publish):
    publish.paged.publish(publish.paged.room.follow(), *range(30))
    publish()
    before = publish.files
    publish.paged.publish(publish.paged.room.follow(), *range(30, 40))
    publish.templates = Breaking(publish.templates, after=5)

    with pytest.raises(KeyboardInterrupt):
        publish()
    broken_off = publish.files
    publish.templates = shipped_templates()
    publish()
    ended = publish.files
    shutil.rmtree(publish.folder)
    publish()

    assert set(before) <= set(broken_off) - {UNFINISHED}
    assert ended == publish.files


class Breaking:
    """Templates that a signal interrupts."""

    def __init__(self, templates, *, after):
        self._templates = templates
        self._left = after

    def render(self, *arguments, **options):
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return self._templates.render(*arguments, **options)

    def __getattr__(self, name):
        return getattr(self._templates, name)


def test_two_do_not_write_into_one_folder_at_once(publish):
    with static_site.opened(publish.folder), pytest.raises(ConflictError, match="another process"):
        publish()

    assert publish().written > 0


@pytest.mark.parametrize("text", ["{", "[]", '{"files": [1]}', '{"files": {"a": "b"}}'])
def test_a_list_of_files_that_cannot_be_read_is_named(publish, text):
    publish.folder.mkdir()
    (publish.folder / MANIFEST).write_text(text)

    with pytest.raises(ConfigError, match="remove it to have everything written anew"):
        publish()


def test_a_list_that_names_files_elsewhere_removes_none_of_them(publish, tmp_path):
    outside = tmp_path / "outside.txt"
    outside.write_text("still here")
    publish.folder.mkdir()
    named = {"../outside.txt": ["1", "2"], str(outside): ["1", "2"]}
    (publish.folder / MANIFEST).write_text(json.dumps({"files": named}))

    publish()

    assert outside.read_text() == "still here"


def test_the_sitemap_lists_our_pages_and_leaves_out_what_is_not_to_be_found(publish):
    kept, hidden = publish.paged.room.follow(topic="science"), publish.paged.room.follow()
    with publish.paged.database.write() as connection:
        connection.execute(update(source).where(source.c.id == hidden).values(noindex=True))

    publish()

    sitemap = publish.files["sitemap.xml"].decode()
    assert sitemap.count("<url>") == 5
    assert f"<loc>{SITE.base_url}/topics/science</loc><lastmod>2026-11-20T12:00:00+00:00" in sitemap
    assert f"Sitemap: {SITE.base_url}/sitemap.xml" in publish.files["robots.txt"].decode()
    assert kept
