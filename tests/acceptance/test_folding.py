"""A source that brings much at once leaves room for the others."""

from fake_publisher import answer
from feed_documents import an_item, atom, items
from installation import on_sqlite
from parsed_entries import HOUR, NOON


@on_sqlite
def test_what_comes_at_once_is_folded_on_the_page_and_whole_in_the_feed(tidings, web, tmp_path):
    burst = [an_item(n, published=NOON - n * HOUR) for n in range(10, 30)]
    loud = web.serve(answer(body=atom(*items(1))), answer(body=atom(*burst, title="Loud")))
    tidings("source", "add", loud)
    tidings("poll", "--all")

    tidings("publish", tmp_path / "public", WEB__BASE_URL="https://news.example")

    page = (tmp_path / "public" / "index.html").read_text(encoding="utf-8")
    assert page.count("<article ") == 6
    assert page.count('>15 more<span class="unseen">: Loud</span>') == 1
    feed = (tmp_path / "public" / "feed.atom").read_text(encoding="utf-8")
    assert feed.count("<entry") == 21
