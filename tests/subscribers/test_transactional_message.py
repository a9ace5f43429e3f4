"""Letters that are no issue: the same facts in both parts, in every language, harmless."""

import re
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from selectolax.lexbor import LexborHTMLParser

from sample_digests import TEMPLATES
from tidings.app.templates import load_mail_templates
from tidings.errors import TemplateError
from tidings.model.newsletters import Frequency
from tidings.model.operators import Problem, ProblemKind
from tidings.subscribers.transactional_message import (
    AddressChangedContext,
    AddressContext,
    ConfirmContext,
    GoodbyeContext,
    OperatorContext,
    WelcomeContext,
    render_message,
    template_contracts,
)
from tidings.templating.engine import MAX_SUBJECT

EMAIL = TEMPLATES / "email"
LOADED = load_mail_templates([EMAIL])
UNTIL = datetime(2026, 11, 27, 12, tzinfo=UTC)
HEAD = {
    "language": "en",
    "site_url": "https://news.example",
    "postal_address": "1 Harbour Street",
}
SERIES = {**HEAD, "newsletter": "Morning tidings"}

CONFIRM = ConfirmContext(**SERIES, confirm_url="https://news.example/confirm/abc", until=UNTIL)
WELCOME = WelcomeContext(
    **SERIES,
    frequency="daily",
    hour=7,
    timezone="Europe/Berlin",
    next_issue_at=UNTIL,
    preferences_url="https://news.example/preferences/abc",
    unsubscribe_url="https://news.example/unsubscribe/abc",
    issues_url="https://news.example/issues",
)
GOODBYE = GoodbyeContext(**SERIES, undo_url="https://news.example/unsubscribe/abc", until=UNTIL)
ADDRESS = AddressContext(
    **HEAD,
    newsletters=("Morning tidings", "Evening tidings"),
    confirm_url="https://news.example/address/abc",
    until=UNTIL,
)
MOVED = AddressChangedContext(**HEAD, newsletters=("Morning tidings",), contact="desk@example.org")
OPERATOR = OperatorContext(
    **HEAD,
    moment=UNTIL,
    worries=(
        Problem(kind=ProblemKind.FAILING, count=12, lines=("3 A source: 404 Not Found",)),
        Problem(kind=ProblemKind.HELD, count=1),
    ),
)
ALL = [
    pytest.param(one, id=one.kind) for one in (CONFIRM, WELCOME, GOODBYE, ADDRESS, MOVED, OPERATOR)
]


def visible(html):
    """Return the words of a letter, without what mailboxes preview."""
    tree = LexborHTMLParser(html)
    for hidden in tree.css(".unseen, style"):
        hidden.decompose()
    return " ".join(tree.body.text(separator=" ").split())


def letters_of(text):
    return re.sub(r"[\W_]", "", text)


@pytest.mark.parametrize("language", LOADED.languages)
@pytest.mark.parametrize("context", ALL)
def test_both_parts_lead_to_the_same_places(context, language):
    written = render_message(replace(context, language=language), LOADED)

    tree = LexborHTMLParser(written.html)
    links = [a.attributes["href"].removeprefix("mailto:") for a in tree.css("a")]
    in_text = re.findall(r"(?m)^(?:https?://|desk@)\S+$", written.text)
    assert sorted(in_text) == sorted(links)
    assert getattr(context, context.link) in links


@pytest.mark.parametrize("language", LOADED.languages)
@pytest.mark.parametrize("context", ALL)
def test_every_line_of_the_plain_part_stands_in_the_html(context, language):
    written = render_message(replace(context, language=language), LOADED)

    shown = letters_of(visible(written.html))
    lines = [line for line in written.text.splitlines() if not line.startswith("http")]
    assert [line for line in lines if letters_of(line) not in shown] == []


@pytest.mark.parametrize("language", LOADED.languages)
@pytest.mark.parametrize("context", ALL)
def test_letters_say_their_language_load_nothing_and_are_small(context, language):
    written = render_message(replace(context, language=language), LOADED)

    tree = LexborHTMLParser(written.html)
    assert tree.css_first("html").attributes["lang"] == language
    assert tree.css_first("html").attributes["dir"] == "ltr"
    assert not tree.css("[src], link, script, img, iframe, form, object")
    assert len(written.html.encode()) < 12_000
    assert max(map(len, written.text.splitlines())) <= 78
    assert 0 < len(written.subject) <= MAX_SUBJECT


@pytest.mark.parametrize(
    ("context", "facts"),
    [
        pytest.param(CONFIRM, ["Morning tidings", "27 November 2026"], id="confirm"),
        pytest.param(
            WELCOME, ["every day at 7:00 (Europe/Berlin)", "27 November 2026"], id="welcome"
        ),
        pytest.param(GOODBYE, ["Morning tidings", "27 November 2026"], id="goodbye"),
        pytest.param(
            ADDRESS, ["Morning tidings", "Evening tidings", "27 November 2026"], id="address"
        ),
        pytest.param(MOVED, ["Morning tidings", "desk@example.org"], id="moved"),
        pytest.param(
            OPERATOR,
            [
                "12 sources have failed",
                "404 Not Found",
                "1 entry is waiting",
                "tidings source show",
            ],
            id="operator",
        ),
    ],
)
def test_what_a_letter_tells_stands_in_both_parts(context, facts):
    written = render_message(context, LOADED)

    shown, plain = visible(written.html), " ".join(written.text.split())
    for fact in [*facts, "1 Harbour Street"]:
        assert fact in shown
        assert fact in plain


def test_a_letter_in_chinese_is_chinese_throughout():
    written = render_message(replace(CONFIRM, language="zh", postal_address=None), LOADED)

    assert written.subject == "请确认订阅：Morning tidings"  # noqa: RUF001
    assert not re.search("[a-z]", re.sub(r"https://\S*|Morning tidings", "", written.text))


@pytest.mark.parametrize("language", LOADED.languages)
@pytest.mark.parametrize("frequency", Frequency)
def test_a_welcome_knows_every_frequency(frequency, language):
    welcome = replace(WELCOME, frequency=frequency.value, language=language)

    texts = {render_message(replace(welcome, frequency=other), LOADED).text for other in Frequency}

    assert len(texts) == len(Frequency)
    assert ("7:00" in render_message(welcome, LOADED).text) is (frequency is not Frequency.INSTANT)


HOSTILE = "A\r\nBcc: e@example.org <img src=x onerror=alert(1)> {{ 7*7 }} {0.__class__} \u202e\0 =?utf-8?q?x?="


@pytest.mark.parametrize(
    "context",
    [
        pytest.param(replace(CONFIRM, newsletter=HOSTILE), id="confirm"),
        pytest.param(replace(WELCOME, newsletter=HOSTILE, postal_address=HOSTILE), id="welcome"),
        pytest.param(replace(ADDRESS, newsletters=(HOSTILE, HOSTILE)), id="address"),
        pytest.param(
            replace(
                OPERATOR, worries=(Problem(kind=ProblemKind.NOTICES, count=1, lines=(HOSTILE,)),)
            ),
            id="operator",
        ),
    ],
)
def test_hostile_text_is_shown_and_does_nothing(context):
    written = render_message(context, LOADED)

    tree = LexborHTMLParser(written.html)
    assert not tree.css("img, [onerror]")
    assert "{{ 7*7 }}" in visible(written.html)
    assert "{{ 7*7 }}" in " ".join(written.text.split())
    assert "\n" not in written.subject
    assert "=?" not in written.subject
    for said in (written.subject, written.text, written.html):
        assert not set(said) & {"\u202e", "\0", "\r"}


def test_an_endless_title_leaves_room_for_the_rest():
    written = render_message(replace(CONFIRM, newsletter="word " * 10_000), LOADED)

    assert len(written.subject) <= MAX_SUBJECT
    assert len(written.html.encode()) < 12_000
    assert CONFIRM.confirm_url in written.text


def test_a_file_of_the_operators_replaces_ours_and_nothing_else(tmp_path):
    own = tmp_path / "confirm" / "body.txt"
    own.parent.mkdir()
    own.write_text("Yes? {{ confirm_url }}\n")

    written = render_message(CONFIRM, load_mail_templates([tmp_path, EMAIL]))

    assert written.text == "Yes? https://news.example/confirm/abc\n"
    assert written.html == render_message(CONFIRM, LOADED).html


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param("Hello\n", "confirm/body.txt: lacks confirm_url", id="no link"),
        pytest.param("{{ address }}", "there is no address", id="what it does not have"),
        pytest.param("{{ until.nothing }}", "no attribute 'nothing'", id="found when tried"),
    ],
)
def test_a_broken_template_is_found_at_start(tmp_path, content, complaint):
    own = tmp_path / "confirm" / "body.txt"
    own.parent.mkdir()
    own.write_text(content)

    with pytest.raises(TemplateError, match=complaint):
        load_mail_templates([tmp_path, EMAIL])


def test_nothing_of_who_asked_is_there_for_the_letter_that_asks():
    assert {field.name for field in fields(ConfirmContext)} == {
        "language",
        "site_url",
        "postal_address",
        "newsletter",
        "confirm_url",
        "until",
    }


def test_every_letter_has_its_three_templates():
    files = {path.relative_to(EMAIL).as_posix() for path in EMAIL.glob("*/*")}

    assert set(template_contracts()) == {name for name in files if not name.startswith("digest/")}
