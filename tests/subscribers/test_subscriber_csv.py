"""Lists of subscribers as CSV."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.errors import InvalidError
from tidings.subscribers import subscriber_csv
from tidings.subscribers.subscriber_csv import Membership, membership_of

CELLS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)


def read(text, **given):
    return list(subscriber_csv.read_csv(text, given)[1])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("address,proof\nann@example.org,letter\n", id="commas"),
        pytest.param("address;proof\r\nann@example.org;letter\r\n", id="semicolons"),
        pytest.param("address\tproof\nann@example.org\tletter\n", id="tabs"),
        pytest.param("address,proof\rann@example.org,letter\r", id="carriage returns"),
        pytest.param('"address","proof"\n"ann@example.org","letter"\n', id="quotes"),
        pytest.param("address,proof\n ann@example.org , letter \n", id="blanks"),
        pytest.param('address, "proof"\nann@example.org, "letter"\n', id="blanks before quotes"),
        pytest.param("sep=;\r\naddress;proof\r\nann@example.org;letter\r\n", id="sep=;"),
        pytest.param('"sep=,"\naddress,proof\nann@example.org,letter\n', id="sep= in quotes"),
        pytest.param("sep=|\naddress|proof\nann@example.org|letter\n", id="sep=|"),
        pytest.param("address;proof;;\nann@example.org;letter;;\n", id="columns without heading"),
        pytest.param(";address;proof\n;ann@example.org;letter\n", id="an empty column in front"),
        pytest.param("address,proof\nann@example.org,letter,,,\n", id="surplus empty cells"),
        pytest.param("\n\naddress,proof\n,\nann@example.org,letter\n,,\n\n", id="empty lines"),
        pytest.param("E-Mail,Proof\nann@example.org,letter\n", id="e-mail"),
        pytest.param("EMAIL ADDRESS,proof\nann@example.org,letter\n", id="e-mail address"),
    ],
)
def test_every_program_writes_csv_its_own_way(text):
    [line] = read(text)

    assert line.cells == {"address": "ann@example.org", "proof": "letter"}
    assert line.problem == ""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_in_unicode_is_read(encoding):
    text = "address,proof\nann@example.org,Zettel für 安\n"

    assert subscriber_csv.decoded(text.encode(encoding)) == text


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_another_encoding_is_named_by_line(line_break):
    lines = ["address", *[f"a{n}@example.org" for n in range(2000)], "Zürich"]

    with pytest.raises(InvalidError, match="line 2002: it is not UTF-8"):
        subscriber_csv.decoded(line_break.join(lines).encode("latin-1"))


def test_a_note_may_have_several_lines_and_speak_of_addresses():
    text = (
        "email,notes,status,uuid,attributes\n"
        'a@example.org,"met at the fair,\nwrites as well to b@example.org, c",enabled,7,{}\n'
    )

    [line] = read(text)

    assert (line.cells["address"], line.problem) == ("a@example.org", "")


def test_lines_are_numbered_as_in_the_file():
    text = 'sep=,\naddress,proof\na@example.org,"two\nlines"\n\nb@example.org,one\n'

    assert [(line.number, line.cells["address"]) for line in read(text)] == [
        (3, "a@example.org"),
        (6, "b@example.org"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "one column address", id="nothing"),
        pytest.param("\n\n", "one column address", id="empty lines"),
        pytest.param("mail\n", "column 'mail'", id="unknown column"),
        pytest.param("address,adress\n", "column 'adress'", id="a slip"),
        pytest.param("address,address\n", "twice", id="twice"),
        pytest.param("email,e-mail\n", "one column address", id="two addresses"),
        pytest.param("proof\n", "one column address", id="no address"),
    ],
)
def test_what_is_no_list_is_refused(text, words):
    with pytest.raises(InvalidError, match=words):
        read(text)


ROW = "up{}@example.org,2026-01-02,form\n"
HEAD = "address,confirmed_at,proof\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            HEAD + ROW.format(0) + 'up1@example.org,2026,"booth\n' + ROW.format(2), id="to the end"
        ),
        pytest.param(
            HEAD
            + ROW.format(0)
            + 'up1@example.org,2026,"booth\n'
            + ROW.format(2)
            + 'up3@example.org,2026,form"\n'
            + ROW.format(4),
            id="to a mark at the end of a later line",
        ),
        pytest.param(
            HEAD + ROW.format(0) + 'up1@example.org,2026,"booth\n' + 'up2@example.org,2026,"x"\n',
            id="to a cell in quotes",
        ),
        pytest.param(
            HEAD + ROW.format(0) + '"up1@example.org,2026,booth\n' + 'up2@example.org",2026,x\n',
            id="to a mark within a later line",
        ),
        pytest.param(
            "id,email,notes,status,uuid,attributes\n1,a@example.org,x,enabled,7,{}\n"
            '2,b@example.org,"x,enabled,7,{}\n3,c@example.org,x",enabled,7,{}\n',
            id="in a column that is not read",
        ),
        pytest.param(
            HEAD
            + ROW.format(0)
            + 'up1@example.org,2026,"booth\n'
            + "".join(map(ROW.format, range(9000))),
            id="for very long",
        ),
    ],
)
def test_a_quotation_mark_that_stays_open_swallows_nobody(text):
    with pytest.raises(InvalidError, match="line 3: the quotation mark that it opens"):
        read(text)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("a@example.org,2026-01-02", "has 2 cells of 4", id="too short"),
        pytest.param("a@example.org,2026,form,7,more", "no heading for all", id="too long"),
        pytest.param("a@example.org,2026,form,7,,more", "has 6 cells", id="too long, with a gap"),
        pytest.param('a@example.org,"2026"x,form,7', "no CSV", id="a mark within"),
        pytest.param(f"a@example.org,2026,{'x' * 200_000},7", "no CSV", id="endless cell"),
        pytest.param("a@example.org,2026,f\0rm,7", "cannot be shown", id="NUL"),
        pytest.param("a@example.org,2026,form", "", id="what may be empty may be left out"),
    ],
)
def test_a_bad_line_has_a_problem_and_those_round_it_do_not(line, words):
    head = "address,confirmed_at,proof,hour\n"

    before, bad, after = read(f"{head}b@example.org,2026,x,1\n{line}\nc@example.org,2026,x,1\n")

    assert (before.problem, after.problem) == ("", "")
    assert (bad.number, words in bad.problem, bool(bad.problem)) == (3, True, bool(words))


@pytest.mark.parametrize(
    ("text", "program", "cells", "membership"),
    [
        pytest.param(
            "Email Address,First Name,Address,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LEID\n"
            'a@example.org,Ann,"1 Sea St, X",2024-01-02 03:04:05,,2024-01-02 03:05:00,192.0.2.1,7',
            "Mailchimp",
            {
                "address": "a@example.org",
                "confirmed_at": "2024-01-02 03:05:00",
                "proof": "Mailchimp: OPTIN_TIME 2024-01-02 03:04:05, CONFIRM_TIME"
                " 2024-01-02 03:05:00, CONFIRM_IP 192.0.2.1",
            },
            Membership.SUBSCRIBED,
            id="Mailchimp",
        ),
        pytest.param(
            "Email Address,OPTIN_TIME,UNSUB_TIME,UNSUB_REASON\na@example.org,2024-01-02,2025-01-01,",
            "Mailchimp",
            {"left_at": "2025-01-01"},
            Membership.LEFT,
            id="Mailchimp: unsubscribed",
        ),
        pytest.param(
            "Email Address,OPTIN_TIME,CLEAN_TIME\na@example.org,2024-01-02,2025-01-01",
            "Mailchimp",
            {"bounced_at": "2025-01-01"},
            Membership.BOUNCED,
            id="Mailchimp: cleaned",
        ),
        pytest.param(
            "id,email,name,note,subscribed_to_emails,complimentary_plan,created_at,deleted_at,labels\n"
            "1,a@example.org,Ann,,true,false,2024-01-02T03:04:05.000Z,,",
            "Ghost",
            {
                "confirmed_at": "2024-01-02T03:04:05.000Z",
                "proof": "Ghost: created_at 2024-01-02T03:04:05.000Z, subscribed_to_emails true",
            },
            Membership.SUBSCRIBED,
            id="Ghost",
        ),
        pytest.param(
            "email,subscribed_to_emails,created_at\na@example.org,false,2024-01-02",
            "Ghost",
            {},
            Membership.LEFT,
            id="Ghost: no mail",
        ),
        pytest.param(
            "email,active_subscription,expiry,plan,email_disabled,created_at\n"
            "a@example.org,false,,other,false,2024-01-02T03:04:05.000Z",
            "Substack",
            {"confirmed_at": "2024-01-02T03:04:05.000Z"},
            Membership.SUBSCRIBED,
            id="Substack",
        ),
        pytest.param(
            "email,email_disabled,created_at\na@example.org,true,2024-01-02",
            "Substack",
            {},
            Membership.LEFT,
            id="Substack: no mail",
        ),
        pytest.param(
            "email_address,type,creation_date,tags\na@example.org,regular,2024-01-02,",
            "Buttondown",
            {"confirmed_at": "2024-01-02"},
            Membership.SUBSCRIBED,
            id="Buttondown",
        ),
        pytest.param(
            "email,subscriber_type,creation_date\na@example.org,unactivated,2024-01-02",
            "Buttondown",
            {},
            Membership.PENDING,
            id="Buttondown: never confirmed",
        ),
        pytest.param(
            "email,subscriber_type,creation_date\na@example.org,complained,2024-01-02",
            "Buttondown",
            {},
            Membership.COMPLAINED,
            id="Buttondown: complained",
        ),
        pytest.param(
            "uuid,email,name,attributes,status,created_at,updated_at\n"
            '1,a@example.org,Ann,"{""city"": ""Oslo, N""}",enabled,2024-01-02,2024-01-03',
            "listmonk",
            {"confirmed_at": "2024-01-02"},
            Membership.SUBSCRIBED,
            id="listmonk",
        ),
        pytest.param(
            "uuid,email,name,attributes,status,created_at\n1,a@example.org,Ann,{},blocklisted,2024",
            "listmonk",
            {},
            Membership.BLOCKED,
            id="listmonk: blocklisted",
        ),
        pytest.param(
            "address,status\na@example.org,Unsubscribed", "", {}, Membership.LEFT, id="ours: left"
        ),
    ],
)
def test_lists_of_other_programs_are_known_by_their_headings(text, program, cells, membership):
    columns, lines = subscriber_csv.read_csv(text, {})
    [line] = lines

    assert columns.program == program
    assert line.cells["address"] == "a@example.org"
    assert line.cells.items() >= cells.items()
    assert membership_of(line.cells) is membership


def test_a_list_of_listmonk_shows_no_consent():
    [line] = read("email,status,attributes,created_at\na@example.org,enabled,{},2024-01-02\n")

    assert "proof" not in line.cells


def test_the_operator_says_what_other_columns_mean():
    text = "Courriel;Nom;Inscrit le;Preuve\na@example.org;Ann;2024-01-02;bulletin\n"
    given = {"courriel": "address", "Inscrit le": "confirmed_at", "PREUVE": "proof", "Nom": "-"}

    columns, lines = subscriber_csv.read_csv(text, given)

    assert [line.cells for line in lines] == [
        {"address": "a@example.org", "confirmed_at": "2024-01-02", "proof": "bulletin"}
    ]
    assert columns.unread == ("Nom",)


def test_what_the_operator_says_comes_before_what_headings_say():
    text = "email,uuid,status,updated_at\na@example.org,1,enabled,2024-01-02\n"

    [line] = read(text, updated_at="left_at")

    assert membership_of(line.cells) is Membership.LEFT


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({"nowhere": "address"}, "not in the file", id="a column that is not there"),
        pytest.param({"email": "adress"}, "field 'adress'", id="a field that is none"),
    ],
)
def test_a_column_that_is_named_wrongly_is_refused(given, words):
    with pytest.raises(InvalidError, match=words):
        read("email\na@example.org\n", **given)


def test_a_status_that_nobody_knows_is_refused():
    with pytest.raises(InvalidError, match="status 'dormant': not known"):
        membership_of({"address": "a@example.org", "status": "dormant"})


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+1", "-1", "'=1", "''=1", "'ann'", "plain"])
def test_no_cell_is_a_formula_and_every_cell_comes_back(cell):
    file = io.StringIO()

    subscriber_csv.write_csv(
        [{"address": "a@example.org", "proof": cell}], file, ("address", "proof")
    )

    assert file.getvalue().splitlines()[1].partition(",")[2][0] not in "=@+-"
    [line] = read(file.getvalue())
    assert line.cells["proof"] == cell


@given(st.lists(CELLS))
def test_what_is_written_is_read_again(cells):
    file = io.StringIO()
    rows = [{"address": "a@example.org", "proof": cell} for cell in cells]

    subscriber_csv.write_csv(rows, file, ("address", "proof"))

    assert [line.cells["proof"] for line in read(file.getvalue())] == cells
