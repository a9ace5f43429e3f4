"""Whom a refusal means, and when most of an issue is refused alike."""

import pytest

from tidings.model.refusals import IssueReplies, RefusalSubject, subject_of

THEIRS, OURS = RefusalSubject.RECIPIENT, RefusalSubject.OURS


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("5.1.1 The email account that you tried to reach does not exist.", THEIRS),
        ("5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP lookup", THEIRS),
        ("Requested action not taken: mailbox unavailable", THEIRS),
        ("5.5.0 Requested action not taken: mailbox unavailable", THEIRS),
        ("delivery error: dd This user doesn't have a yahoo.com account", THEIRS),
        ("sorry, no mailbox here by that name", THEIRS),
        ("Recipient address rejected: Access denied", THEIRS),
        ("5.4.1 Recipient address rejected: Access denied. [x.outlook.com]", THEIRS),
        ("Recipient address rejected: User unknown in relay recipient table", THEIRS),
        ("5.4.1 All recipient addresses rejected : Access denied", THEIRS),
        ("Connection frequency limited", RefusalSubject.PACE),
        ("Too many connections from your host", RefusalSubject.PACE),
        ("5.5.3 Too many recipients", RefusalSubject.PACE),
        ("5.0.0 <ann@example.org>... User unknown", THEIRS),
        ("5.2.2 The recipient's inbox is out of storage space", THEIRS),
        ("No such user - psmtp", THEIRS),
        ("invalid mailbox", THEIRS),
        ("Mailbox quota exceeded", THEIRS),
        ("5.1.8 <news@example.org>: Sender address rejected: Domain not found", OURS),
        ("<news@example.org>: Sender address rejected: User unknown", OURS),
        ("<ann@example.org>: Relay access denied", OURS),
        ("5.4.1 Relay access denied", OURS),
        ("Message rejected: Email address is not verified. The following identities failed", OURS),
        ("The from address does not match a verified Sender Identity. Mail cannot be sent", OURS),
        ("Invalid MAIL FROM address provided", OURS),
        ("Message rejected: Sending paused for this account", OURS),
        ("Daily sending quota exceeded", OURS),
        ("Maximum credits exceeded", OURS),
        ("Your account is suspended", OURS),
        ("You have exceeded your plan's allowance", OURS),
        ("Cannot verify your domain", OURS),
        ("5.7.1 Message contains spam or virus", OURS),
        ("Message rejected due to content restrictions", OURS),
        ("Service unavailable; client host [192.0.2.1] blocked using zen.example", OURS),
        ("5.3.4 Message size exceeds fixed limit", OURS),
        ("message too large", OURS),
        ("Unauthenticated email is not accepted due to the domain's DMARC policy", OURS),
        ("5.2.1 receiving mail at a rate that prevents additional messages", RefusalSubject.PACE),
        ("Transaction failed", RefusalSubject.UNKNOWN),
        ("", RefusalSubject.UNKNOWN),
    ],
)
def test_words_say_whom_a_refusal_means(text, subject):
    assert subject_of(text) is subject


def outcomes(*refused, accepted=0):
    found = IssueReplies(accepted=accepted)
    for letter, (domain, reply) in enumerate(refused):
        found.note_refused(letter, domain, reply)
    return found, len(refused) - 1


NO = "550 5.1.1 <ann{0}@{1}>: no such user, id {0}x7"


@pytest.mark.parametrize(
    ("refused", "accepted", "alike"),
    [
        pytest.param("ab", 0, 0, id="two"),
        pytest.param("abc", 0, 3, id="three domains"),
        pytest.param("aaab", 0, 4, id="two domains"),
        pytest.param("aaaa", 0, 0, id="one domain, four letters"),
        pytest.param("aaaaa", 0, 5, id="one domain, five letters"),
        pytest.param("abc", 3, 0, id="half"),
        pytest.param("abc", 2, 3, id="more than half"),
    ],
)
def test_most_of_an_issue_is_refused_if_the_words_are_the_same(refused, accepted, alike):
    replies = [(domain, NO.format(number, domain)) for number, domain in enumerate(refused)]
    found, last = outcomes(*replies, accepted=accepted)

    assert len(found.alike(last)) == alike


def test_other_words_are_another_matter():
    found, last = outcomes(("a", "550 no"), ("b", "550 never"), ("c", "550 not here"))

    assert not found.alike(last)


def test_a_letter_that_is_taken_after_all_is_no_longer_refused():
    found, last = outcomes(("a", "550 no"), ("b", "550 no"), ("c", "550 no"))

    found.note_accepted(0)

    assert not found.alike(last)


def test_it_is_known_where_refused_letters_were_for():
    found, last = outcomes(*[(domain, "550 no") for domain in "aab"])

    assert found.domains_of(found.alike(last)) == {"a", "b"}
