from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from hmac import new as signed

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsed_entries import DAY, HOUR, NOON
from tidings.model.websub import (
    METHODS,
    HubNote,
    HubOffer,
    HubState,
    HubStep,
    HubSubscription,
    Intent,
    WebSubSettings,
    is_genuine,
)
from tidings.polling.hub_rules import (
    LEASE,
    confirms_unsubscribe,
    find_offer,
    judge_news,
    judge_offer,
    prepare_request,
    settle_intent,
)

FEED = "https://example.org/feed"
HUB = "https://hub.example/"
BODY = b"<feed/>"
SECRET = "kept between a hub and us"


def a_subscription(state=HubState.SILENT, **fields):
    defaults = {
        "source_id": 1,
        "token": "a-token",
        "secret": SECRET,
        "hub": HUB,
        "topic": FEED,
        "state": state,
        "asked_at": NOON - DAY,
        "act_at": NOON,
        "lease_until": NOON + DAY,
        "pushed_at": None,
        "pending_bytes": None,
        "misses": 0,
        "failures": 0,
        "last_error": None,
    }
    return HubSubscription(**defaults | fields)


def signature(body=BODY, secret=SECRET, method="sha256"):
    return f"{method}={signed(secret.encode(), body, method).hexdigest()}"


@pytest.mark.parametrize(
    ("hubs", "self_url", "known_as", "offer"),
    [
        pytest.param((HUB,), None, FEED, HubOffer(hubs=[HUB], topic=FEED), id="where it was found"),
        pytest.param(
            (HUB, "https://b.example/"),
            "https://example.org/own",
            FEED,
            HubOffer(hubs=[HUB, "https://b.example/"], topic="https://example.org/own"),
            id="the name that the document gives itself",
        ),
        pytest.param((), FEED, FEED, None, id="no hub"),
        pytest.param(
            (),
            "http://www.youtube.com/feeds/videos.xml?channel_id=x",
            "https://www.youtube.com/feeds/videos.xml?channel_id=UCx",
            HubOffer(
                hubs=["https://pubsubhubbub.appspot.com/subscribe"],
                topic="https://www.youtube.com/feeds/videos.xml?channel_id=UCx",
            ),
            id="a hub that everybody knows",
        ),
        pytest.param((f"https://{'x' * 2000}",), None, FEED, None, id="a hub without end"),
        pytest.param(("https://hub.example:99999/",), None, FEED, None, id="a hub at no port"),
        pytest.param(("ftp://hub.example/",), None, FEED, None, id="a hub of another kind"),
        pytest.param((HUB,), f"{FEED}\0", FEED, None, id="a topic that cannot be written"),
        pytest.param((HUB,), f"https://{'x' * 2000}", FEED, None, id="a topic without end"),
    ],
)
def test_what_a_document_offers(hubs, self_url, known_as, offer):
    assert find_offer(FEED, hubs=hubs, self_url=self_url, known_as=known_as) == offer


@pytest.mark.parametrize(
    ("known", "offer", "step"),
    [
        pytest.param(None, HubOffer(hubs=[HUB], topic=FEED), HubStep.JOIN, id="a hub appears"),
        pytest.param(None, None, None, id="there is none"),
        pytest.param(a_subscription(), HubOffer(hubs=["x", HUB], topic=FEED), None, id="it stays"),
        pytest.param(a_subscription(), None, HubStep.LEAVE, id="it vanishes"),
        pytest.param(
            a_subscription(HubState.PENDING),
            HubOffer(hubs=["x"], topic=FEED),
            HubStep.LEAVE,
            id="another takes its place",
        ),
        pytest.param(
            a_subscription(), HubOffer(hubs=[HUB], topic="x"), HubStep.LEAVE, id="another name"
        ),
        pytest.param(a_subscription(HubState.ACTIVE), None, None, id="it pushes all the same"),
        pytest.param(a_subscription(HubState.LEAVING), None, None, id="it is left already"),
    ],
)
def test_what_follows_from_an_offer(known, offer, step):
    note = judge_offer(known, offer)

    assert (note and note.step) == step
    assert step is not HubStep.JOIN or note.offer == offer


TRUST, MISS = HubNote(step=HubStep.TRUST), HubNote(step=HubStep.MISS)


@pytest.mark.parametrize(
    ("known", "note"),
    [
        pytest.param(None, None, id="no hub"),
        pytest.param(a_subscription(), None, id="a hub that nobody relies on"),
        pytest.param(a_subscription(pending_bytes=0), TRUST, id="the first push with news"),
        pytest.param(
            a_subscription(HubState.ACTIVE, pending_bytes=9), None, id="one more push with news"
        ),
        pytest.param(
            a_subscription(HubState.ACTIVE, pending_bytes=9, misses=2), TRUST, id="pushing again"
        ),
        pytest.param(a_subscription(HubState.ACTIVE, pushed_at=NOON), MISS, id="no push for it"),
        pytest.param(
            a_subscription(HubState.ACTIVE, asked_at=NOON - HOUR),
            None,
            id="perhaps published before we were subscribed",
        ),
        pytest.param(
            a_subscription(HubState.LEAVING, pending_bytes=9), None, id="a hub that is left"
        ),
    ],
)
def test_what_news_tell_of_a_hub(known, note):
    assert judge_news(known, last_polled_at=NOON - HOUR) == note


def test_a_first_poll_tells_nothing_of_a_hub():
    assert judge_news(a_subscription(pending_bytes=9), last_polled_at=None) is None


def test_a_hub_that_does_not_answer_is_asked_ever_more_rarely_but_never_given_up():
    known, pauses = a_subscription(HubState.PENDING, lease_until=None), []

    for _ in range(8):
        known = prepare_request(known, now=known.act_at)
        pauses.append((known.act_at - known.asked_at) / HOUR)

    assert pauses == [1, 2, 4, 8, 16, 24, 24, 24]
    assert known.state is HubState.ASKED


def test_a_renewal_takes_nothing_away_until_the_lease_is_over():
    known = a_subscription(HubState.ACTIVE, lease_until=NOON + HOUR)

    assert prepare_request(known, now=NOON).state is HubState.ACTIVE
    assert prepare_request(known, now=NOON + HOUR).state is HubState.ASKED


@pytest.mark.parametrize(
    ("fields", "asks"),
    [
        pytest.param({}, True, id="subscribed"),
        pytest.param({"failures": 3}, False, id="asked three times"),
        pytest.param({"lease_until": NOON}, False, id="forgotten by the hub anyway"),
        pytest.param({"lease_until": None}, False, id="never subscribed"),
    ],
)
def test_a_hub_is_asked_to_forget_us_only_if_there_is_something_to_forget(fields, asks):
    known = a_subscription(HubState.LEAVING, **fields)

    assert (prepare_request(known, now=NOON) is not None) == asks


@pytest.mark.parametrize(
    ("said", "lease"),
    [
        pytest.param(timedelta(days=5), timedelta(days=5), id="as it says"),
        pytest.param(None, LEASE, id="as we asked"),
        pytest.param(timedelta(seconds=1), HOUR, id="an hour at least"),
        pytest.param(timedelta(days=3000), 30 * DAY, id="a month at most"),
    ],
)
def test_a_confirmed_subscription_is_renewed_well_before_it_ends(said, lease):
    asked = a_subscription(HubState.ASKED, failures=4, last_error="503")

    known = settle_intent(asked, Intent(mode="subscribe", topic=FEED, lease=said), now=NOON)

    assert (known.state, known.failures, known.last_error) == (HubState.SILENT, 0, None)
    assert known.lease_until == NOON + lease
    assert NOON + 0.7 * lease <= known.act_at <= NOON + 0.8 * lease


def test_a_confirmation_keeps_the_trust_in_a_hub():
    known = a_subscription(HubState.ACTIVE)

    settled = settle_intent(known, Intent(mode="subscribe", topic=FEED), now=NOON)

    assert settled.state is HubState.ACTIVE


def test_a_hub_that_denies_is_left_alone_for_a_week():
    intent = Intent(mode="denied", topic=FEED, reason="not for you")

    known = settle_intent(a_subscription(HubState.ASKED), intent, now=NOON)

    assert (known.state, known.act_at) == (HubState.DENIED, NOON + 7 * DAY)
    assert known.last_error == "denied: not for you"


@pytest.mark.parametrize("mode", ["subscribe", "unsubscribe", "denied", "publish", ""])
@pytest.mark.parametrize("state", HubState)
@pytest.mark.parametrize("topic", [FEED, "https://example.org/other", ""])
def test_a_hub_gets_its_way_only_where_we_asked_for_it(state, mode, topic):
    known = a_subscription(state)
    intent = Intent(mode=mode, topic=topic)
    subscribed = state in {HubState.ASKED, HubState.SILENT, HubState.ACTIVE}

    settled, left = settle_intent(known, intent, now=NOON), confirms_unsubscribe(known, intent)

    expected = topic == FEED and subscribed and mode in {"subscribe", "denied"}
    assert (settled != known) == expected
    assert left == (topic == FEED and state is HubState.LEAVING and mode == "unsubscribe")


@pytest.mark.parametrize("method", METHODS)
def test_a_push_may_be_signed_in_any_way_that_hubs_know(method):
    assert is_genuine(BODY, [signature(method=method)], SECRET)
    assert is_genuine(BODY, [signature(method=method).upper()], SECRET)


@pytest.mark.parametrize(
    "signatures",
    [
        pytest.param([], id="none"),
        pytest.param([""], id="empty"),
        pytest.param([signature(secret="a guess")], id="another secret"),
        pytest.param([signature(body=b"<feed />")], id="another body"),
        pytest.param([signature()[:-2]], id="cut off"),
        pytest.param(["sha256="], id="no digest"),
        pytest.param([sha256(BODY).hexdigest()], id="no method"),
        pytest.param([f"md5={signature(method='md5')[4:]}"], id="a method that is broken"),
        pytest.param(["sha256=\N{LATIN SMALL LETTER E WITH ACUTE}"], id="no digits"),
        pytest.param(
            [signature(method="sha1"), signature(secret="x")], id="the strongest is wrong"
        ),
        pytest.param([signature(), signature(secret="x")], id="one of two is wrong"),
    ],
)
def test_what_is_not_rightly_signed_is_not_genuine(signatures):
    assert not is_genuine(BODY, signatures, SECRET)


@given(st.binary(), st.lists(st.text()), st.text(min_size=1))
def test_nobody_signs_by_accident(body, signatures, secret):
    assert not is_genuine(body, signatures, secret)


@given(st.binary(), st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_who_has_another_secret_cannot_sign(body, secret, guess):
    assert is_genuine(body, [signature(body, guess)], secret) == (
        guess.encode().rstrip(b"\0") == secret.encode().rstrip(b"\0")
    )


@pytest.mark.parametrize(
    ("base_url", "subscribe", "callback"),
    [
        pytest.param("", "auto", None, id="nobody said where we are"),
        pytest.param("", "on", None, id="nobody can say where we are"),
        pytest.param("https://example.org/", "auto", "https://example.org/websub/", id="public"),
        pytest.param("https://example.org/n", "off", None, id="not wanted"),
        pytest.param("http://192.0.9.1", "auto", "http://192.0.9.1/websub/", id="an address"),
        pytest.param("http://192.168.1.2", "auto", None, id="a private address"),
        pytest.param("http://[::1]:8000", "auto", None, id="this machine"),
        pytest.param("http://localhost:8000", "auto", None, id="this machine by name"),
        pytest.param("http://nas", "auto", None, id="a name of the own network"),
        pytest.param("http://nas.local", "auto", None, id="a name that is for the own network"),
        pytest.param("http://nas.local", "on", "http://nas.local/websub/", id="on purpose"),
    ],
)
def test_hubs_are_used_where_they_can_reach_us(base_url, subscribe, callback):
    assert WebSubSettings(subscribe=subscribe, hubs=()).callback(base_url) == callback


def test_a_subscription_does_not_show_its_secrets():
    shown = repr(a_subscription())

    assert "a-token" not in shown
    assert SECRET not in shown


def test_of_hubs_that_documents_do_not_name_pushes_are_hints():
    known = a_subscription(topic="https://www.youtube.com/feeds/videos.xml?channel_id=UCx")

    assert not known.pushes_whole_entries
    assert replace(known, topic=FEED).pushes_whole_entries
