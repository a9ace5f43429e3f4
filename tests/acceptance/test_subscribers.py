"""Subscribers from the command line: lists in and out, the record, and who gets nothing."""

import csv
import io

import pytest

from installation import on_sqlite

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


PROVEN = "address,confirmed_at,proof\n"


def bring_in(news, text, *options, newline="\n"):
    path = news.folder / "list.csv"
    path.write_text(text, encoding="utf-8", newline=newline)
    return news("subscriber", "import", path, "--newsletter", "weekly", *options)


def active(news):
    return [
        one["address"] for one in news("subscriber", "list", "--state", "active", "--json").json
    ]


@on_sqlite
def test_one_line_is_counted_as_one(news):
    result = bring_in(news, PROVEN + "one@example.org,2026-01-02,form\n")

    assert result.out == "subscribed 1, asked 0, known 0, refused 0\n"


@on_sqlite
def test_bad_lines_are_named_and_the_others_come_in(news):
    text = "confirmed_at,proof,address\n2026-01-02,form,sr1@example.org\n2026-01-02\n"
    text += "2026-01-02,form,sr2@example.org\n2026-01-02,form,sr3@example.org,surplus\n"

    result = bring_in(news, text)

    assert result.status == 1
    assert result.out == "subscribed 2, asked 0, known 0, refused 2\n"
    assert result.err == (
        "line 3: it has 1 cells of 3\nline 5: it has 4 cells, and no heading for all of them\n"
    )
    assert active(news) == ["sr1@example.org", "sr2@example.org"]


@on_sqlite
def test_as_excel_writes_it(news):
    text = 'sep=;\naddress;confirmed_at;proof;;\nsep1@example.org;2026-01-02; "form; one";;\n;;;;\n'

    result = bring_in(news, text, newline="\r\n")

    assert (result.status, result.err) == (0, "")
    assert active(news) == ["sep1@example.org"]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        pytest.param("Zürich,2026-01-02,form\n".encode("latin-1"), "line 1502", id="encoding"),
        pytest.param(b'a@example.org,2026-01-02,"form\n', "line 1502", id="a quotation mark"),
    ],
)
@on_sqlite
def test_what_makes_a_file_unreadable_late_is_found_before_anything_is_written(news, bad, words):
    good = [f"l{number}@example.org,2026-01-02,form\n" for number in range(1500)]
    path = news.folder / "late.csv"
    path.write_bytes((PROVEN + "".join(good)).encode() + bad + b"z@example.org,2026-01-02,form\n")

    result = news("subscriber", "import", path, "--newsletter", "weekly")

    assert result.status == 1
    assert words in result.err
    assert "nothing was brought in" in result.err
    assert active(news) == []


@on_sqlite
def test_what_is_left_out_for_one_reason_is_told_once(news):
    lines = [f"n{number}@example.org,,\n" for number in range(5000)]

    result = bring_in(news, PROVEN + "".join(lines) + "x,2026-01-02,form\n")

    first, *_, last = result.err.splitlines()
    assert result.out == "subscribed 0, asked 0, known 0, refused 5001\n"
    assert len(result.err.splitlines()) == 5
    assert first.startswith("line 2: address 'n0@example.org': no proof of consent")
    assert last.startswith("4997 more lines: no proof of consent")
    assert last.endswith(": 5-5001")


def test_a_list_of_another_program_brings_readers_and_those_who_left(news):
    text = (
        "id,email,name,note,subscribed_to_emails,created_at,deleted_at,labels\n"
        "1,ada@example.org,Ada,,true,2024-01-02T03:04:05.000Z,,\n"
        "2,bob@example.org,Bob,,false,2024-01-02T03:04:05.000Z,,\n"
    )

    result = bring_in(news, text)
    record = news("subscriber", "export", "--newsletter", "weekly")

    assert result.out == "subscribed 1, asked 0, known 0, refused 0, suppressed 1\n"
    assert result.err == "read as a list of Ghost; not read: id, name, note, labels\n"
    assert active(news) == ["ada@example.org"]
    assert "Ghost: created_at 2024-01-02T03:04:05.000Z" in record.out
    found = news("suppression", "list", "--address", "bob@example.org", "--json").json
    assert [one["reason"] for one in found] == ["erased"]


@on_sqlite
def test_columns_of_any_other_program_are_named(news):
    text = "Courriel;Nom;Inscrit;Preuve\nada@example.org;Ada;2024-01-02;form\n"
    options = ("Courriel=address", "Nom=-", "Inscrit=confirmed_at", "Preuve=proof")

    unnamed = bring_in(news, text)
    named = bring_in(news, text, *[part for one in options for part in ("--map", one)])

    assert unnamed.status == 1
    assert "--map" in unnamed.err
    assert (named.status, active(news)) == (0, ["ada@example.org"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(b"address\n\xff\xfe\n", "not UTF-8", id="another encoding"),
        pytest.param(b"mail\n", "column 'mail'", id="another heading"),
    ],
)
@on_sqlite
def test_a_file_that_is_no_list_is_refused_in_one_line(news, text, words):
    path = news.folder / "bad.csv"
    path.write_bytes(text)

    result = news("subscriber", "import", path, "--newsletter", "weekly")

    assert result.status != 0
    assert words in result.err
    assert len(result.err.splitlines()) == 1
