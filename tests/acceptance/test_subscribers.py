"""Subscribers from the command line: lists in and out, the record, and who gets nothing."""

import csv
import io

import pytest

LIST = """\
address;confirmed_at;proof;timezone
ada@example.org;2026-01-02;form of 2026;Asia/Shanghai
ADA@example.org;2026-01-02;form of 2026;
bob@example.org;;;
no address;2026-01-02;form of 2026;
"""


@pytest.fixture
def news(tidings):
    """A newsletter without subscribers."""
    assert tidings("newsletter", "add", "weekly", "--title", "The Week").status == 0
    return tidings


@pytest.fixture
def file(news):
    path = news.folder / "readers.csv"
    path.write_text(LIST, encoding="utf-8-sig")
    return path


def test_a_list_is_rehearsed_brought_in_and_written_again(news, file):
    command = ("subscriber", "import", file, "--newsletter", "weekly")

    rehearsed = news(*command, "--dry-run")
    before = news("subscriber", "list", "--json").json
    imported = news(*command)
    again = news(*command)
    exported = news("subscriber", "export", "--newsletter", "weekly")

    assert (rehearsed.status, before) == (1, [])
    assert rehearsed.out == "would be subscribed 1, asked 0, known 0, refused 3\n"
    assert imported.out == "subscribed 1, asked 0, known 0, refused 3\n"
    assert [line.partition(":")[0] for line in imported.err.splitlines()] == [
        "line 3",
        "line 4",
        "line 5",
    ]
    assert again.out == "subscribed 0, asked 0, known 1, refused 3\n"
    [row] = csv.DictReader(io.StringIO(exported.out))
    assert (row["address"], row["proof"]) == ("ada@example.org", "form of 2026")
    assert row["timezone"] == "Asia/Shanghai"


def test_who_has_no_proof_is_asked(news, file):
    result = news("subscriber", "import", file, "--newsletter", "weekly", "--ask")

    waiting = news("subscriber", "list", "--state", "unconfirmed", "--json").json
    assert result.out == "subscribed 1, asked 1, known 0, refused 2\n"
    assert [one["address"] for one in waiting] == ["bob@example.org"]


def test_lists_are_narrowed_and_limited(news):
    for name in ("ada", "bob", "eve"):
        news("subscriber", "add", f"{name}@example.org", "--newsletter", "weekly")
    news("subscriber", "remove", "eve@example.org", "--newsletter", "weekly")

    def listed(*options):
        found = news("subscriber", "list", "--json", *options).json
        return [one["address"].partition("@")[0] for one in found]

    assert listed() == ["ada", "bob", "eve"]
    assert listed("--limit", 1) == ["ada"]
    assert listed("--state", "active") == ["ada", "bob"]
    assert listed("--state", "ended", "--newsletter", "weekly") == ["eve"]
    assert listed("--state", "paused") == listed("--state", "bouncing") == []
    assert listed("--like", "B@") == ["bob"]
    assert listed("--like", "%") == []


def test_who_is_forgotten_is_not_brought_back_by_a_list(news, file):
    news("subscriber", "add", "ada@example.org", "--newsletter", "weekly")

    removed = news("subscriber", "remove", "ada@example.org", "--yes")
    imported = news("subscriber", "import", file, "--newsletter", "weekly")
    added = news("subscriber", "add", "ada@example.org", "--newsletter", "weekly")
    consent = news("subscriber", "export", "--consent")

    assert removed.status == 0
    assert "line 2: address ada@example.org is suppressed" in imported.err
    assert (added.status, "see tidings suppression" in added.err) == (1, True)
    assert len(consent.out.splitlines()) == 1


def test_a_suppressed_address_is_found_lifted_and_never_shown(news):
    news("subscriber", "add", "ada@example.org", "--newsletter", "weekly")

    news("suppression", "add", "Ada@example.org", "--evidence", "a letter")
    listed = news("suppression", "list", "--address", "ada@example.org", "--json")
    left = news("subscriber", "list", "--json").json
    lifted = news("suppression", "remove", "ada@example.org")
    again = news("suppression", "remove", "ada@example.org")

    assert [one["ended_because"] for one in left] == ["operator"]
    assert [(one["reason"], one["evidence"]) for one in listed.json] == [("operator", "a letter")]
    assert "ada" not in listed.out
    assert (lifted.status, again.status) == (0, 1)
    assert news("suppression", "list", "--json").json == []
    assert news("subscriber", "add", "ada@example.org", "--newsletter", "weekly").status == 0


def test_the_record_tells_who_agreed_when_and_how(news):
    news("subscriber", "add", "ada@example.org", "--newsletter", "weekly")
    news("subscriber", "edit", "ada@example.org", "--newsletter", "weekly", "--hour", 9)

    record = news("subscriber", "export", "--consent", "--address", "ADA@example.org")

    lines = list(csv.DictReader(io.StringIO(record.out)))
    assert [(one["event"], one["newsletter"]) for one in lines] == [
        ("added", "weekly"),
        ("changed", "weekly"),
    ]
    assert '"hour": "9"' in lines[1]["details"]


def test_a_subscriber_is_shown_with_what_became_of_letters_to_them(news):
    news("subscriber", "add", "ada@example.org", "--newsletter", "weekly")
    show = ("subscriber", "show", "ada@example.org")

    fine = news(*show), news(*show, "--json").json
    news("suppression", "add", "ada@example.org")
    suppressed = news(*show), news(*show, "--json").json

    assert len(fine[0].out.splitlines()) == 1
    assert [(one["bounce_score"], one["suppressed"]) for one in fine[1]] == [(0, None)]
    assert suppressed[0].out.splitlines()[1].startswith("suppressed: operator on ")
    assert [one["suppressed"] for one in suppressed[1]] == ["operator"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(b"address\n\xff\xfe\n", "not UTF-8", id="another encoding"),
        pytest.param(b"mail\n", "column 'mail'", id="another heading"),
    ],
)
def test_a_file_that_is_no_list_is_refused_in_one_line(news, text, words):
    path = news.folder / "bad.csv"
    path.write_bytes(text)

    result = news("subscriber", "import", path, "--newsletter", "weekly")

    assert result.status != 0
    assert words in result.err
    assert len(result.err.splitlines()) == 1
