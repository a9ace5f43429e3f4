"""What the operator is told who asks why, and what is kept to find out."""

from fake_publisher import answer
from feed_documents import an_item, atom, items
from parsed_entries import DAY, NOON


def test_a_source_tells_what_was_decided_about_it(tidings, web):
    url = web.serve(answer(body=atom(*items(3))), answer("500 Internal Server Error"))
    tidings("source", "add", url)
    tidings("poll", "--all")

    said = tidings("explain", "source", 1).out

    assert f"polled at {url}" in said
    assert "next poll" in said
    assert "failed: " in said
    assert "500" in said
    assert "entries stored: 3 public" in said
    assert "documents kept: 1" in said
    assert isinstance(tidings("explain", "source", 1, "--json").json, list)


def test_an_entry_tells_what_it_is_known_by_and_who_may_see_it(tidings, web):
    first = atom(an_item(1, published=NOON - DAY))
    later = atom(an_item(2, published=NOON - 90 * DAY), an_item(1, published=NOON - DAY))
    url = web.serve(answer(body=first), answer(body=later))
    tidings("source", "add", url)
    tidings("poll", "--all")
    old, _ = sorted(tidings("entry", "list", "--json").json, key=lambda one: one["published"])

    said = tidings("explain", "entry", old["id"]).out

    assert f"known by its guid {old['guid']}\n" in said
    assert "public: number 2" in said
    assert "not for digests" in said
    assert tidings("explain", "entry", 99).status == 1


def test_what_was_kept_is_read_again_without_the_publisher(tidings, web):
    url = web.serve(answer(body=atom(*items(3))))
    tidings("source", "add", url)
    before = tidings("entry", "list", "--json").json
    tidings.execute("DELETE FROM entry WHERE id = 1")
    tidings.execute("UPDATE entry SET content = 'spoilt'")

    replayed = tidings("poll", "--replay", 1)

    assert len(web.requests(url)) == 1
    after = tidings("entry", "list", "--json").json
    assert (replayed.status, len(after)) == (0, 3)
    assert {entry["guid"] for entry in after} == {entry["guid"] for entry in before}
    contents = [tidings("entry", "show", one["id"], "--json").json["content"] for one in after]
    assert all(content and content != "spoilt" for content in contents)
    assert tidings("poll", "--replay", 7).status == 1


def test_an_old_document_that_is_read_again_replaces_no_newer_text(tidings, web):
    old, new = an_item(1, title="As it was"), an_item(1, title="As it is")
    url = web.serve(answer(body=atom(old)), answer(body=atom(new)))
    tidings("source", "add", url)
    tidings("poll", "--all")
    [before] = tidings("entry", "list", "--json").json

    tidings("poll", "--replay", 1)

    [after] = tidings("entry", "list", "--json").json
    assert (after["title"], after["seq"]) == (before["title"], before["seq"]) == ("As it is", 1)
