from tidings.fetching import client
from tidings.fetching.guard import parse_target
from tidings.fetching.interpret import HttpRequest
from tidings.model.access import Access


def test_what_is_sent_along_is_not_in_what_is_shown_of_a_question():
    own = client.credentials_for(
        parse_target("https://me:s3cret@example.org/feed"),
        Access(cookies={"a": "s3cret"}, proxy="http://me:s3cret@proxy.example:3128"),
    )
    question = HttpRequest(
        url=own.source.url,
        host="example.org:443",
        extra_headers=own.headers_for(own.source.url),
        proxy=own.proxy,
        data={"hub.secret": "s3cret"},
    )

    assert "s3cret" not in repr(own) + repr(question)
