"""Documents that attack: what can be read of them is read, and nothing comes through."""

import pytest

import hostile_documents
from fake_publisher import FakePublisher
from hostile_documents import COSTLY, REFUSED, SCHEMES, SCRIPTS, SENTINEL, item, linked
from hostile_round import HEALTHY, assert_contained, assert_healthy, poll_beside_a_healthy_source
from hostile_web import document
from tidings.parsing.sanitizer import sanitize

SECRET = "the words of a secret file"

LIMITS = {"PARSE__TIME_LIMIT": "6s"}

DOCUMENTS = [
    pytest.param(hostile_documents.paths(), id="paths"),
    pytest.param(hostile_documents.amplifiers(), id="amplifiers"),
    pytest.param(hostile_documents.endless_patterns(), id="patterns"),
    pytest.param(hostile_documents.masses(), id="masses"),
    pytest.param(
        {name: item(described=html) for name, html in hostile_documents.burdens().items()},
        id="burdens",
    ),
    pytest.param({name: item(described=html) for name, html in SCRIPTS.items()}, id="scripts"),
    pytest.param(hostile_documents.types(), id="types"),
    pytest.param(hostile_documents.characters(), id="characters"),
    pytest.param(
        {
            f"{name}, in {form}": body
            for name, address in SCHEMES.items()
            for form, body in linked(address).items()
        },
        id="links",
    ),
]


@pytest.mark.parametrize("documents", DOCUMENTS)
def test_a_hostile_document_is_cleaned_or_refused(database, subtests, documents):
    scripts = {name: document(body) for name, body in documents.items()}

    left = poll_beside_a_healthy_source(database, scripts, **LIMITS)

    assert_healthy(left.pop(HEALTHY))
    for name in documents:
        with subtests.test(name):
            assert_contained(left[name])
            if name in REFUSED:
                assert REFUSED[name] in left[name].error
            elif left[name].error is None:
                assert SENTINEL in left[name].text
            else:
                assert name in COSTLY


def test_no_document_makes_us_read_a_file_or_ask_anybody(database, subtests, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    with FakePublisher() as canary:
        documents = hostile_documents.inclusions(secret.as_uri(), canary.url())
        scripts = {name: document(body) for name, body in documents.items()}

        left = poll_beside_a_healthy_source(database, scripts)

        assert canary.connections == 0
    assert_healthy(left.pop(HEALTHY))
    for name, one in left.items():
        with subtests.test(name):
            assert_contained(one)
            assert one.error is None
            assert SENTINEL in one.text
            assert SECRET not in one.text


@pytest.mark.parametrize("html", [pytest.param(html, id=name) for name, html in SCRIPTS.items()])
def test_sanitizing_again_changes_nothing(html):
    once = sanitize(html)

    assert sanitize(once) == once
