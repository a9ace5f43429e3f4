"""Passwords in the addresses of sources: for their publishers, and the operator alone."""

from documents import atom, items
from loopback import answer


def test_nothing_that_is_public_or_logged_holds_a_password(tidings, web):
    url = web.serve(answer(body=atom(*items(3))))
    private = url.replace("//", "//reader:s3cret@")

    tidings("source", "add", private)
    polled = tidings("poll", "--all", LOG__LEVEL="DEBUG")
    tidings("publish", "public")

    assert polled.status == 0
    assert "s3cret" not in polled.err
    public = [path for path in (tidings.folder / "public").rglob("*") if path.is_file()]
    assert len(public) > 10
    assert [path.name for path in public if b"s3cret" in path.read_bytes()] == []
    assert private in tidings("source", "export").out
    assert len({one.headers["authorization"] for one in web.requests(url)}) == 1
