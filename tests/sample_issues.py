"""An issue, a list_headers and a recipient: name what matters, leave out the rest."""

from datetime import UTC, datetime

from tidings.mail.addresses import FromAddress
from tidings.mail.message import ListHeaders, Recipient
from tidings.model.newsletters import (
    PREFERENCES_URL,
    UNSUBSCRIBE_URL,
    Frequency,
    Issue,
    Newsletter,
    Schedule,
)

NEWSLETTER = Newsletter(
    id=1,
    slug="weekly",
    title="The Weekly",
    schedule=Schedule(frequency=Frequency.WEEKLY, hour=7, timezone="Europe/Berlin"),
    topics=(),
    language="en",
    reply_to=None,
    postal_address=None,
)


def issue_of(**changes):
    usual = {
        "id": 7,
        "key": b"k" * 16,
        "slug": "weekly-7",
        "newsletter": NEWSLETTER,
        "language": "en",
        "timezone": "Europe/Berlin",
        "listed": True,
        "from_seq": 0,
        "to_seq": 9,
        "subject": "Nine new entries",
        "html": f'<p>Hello</p><a href="{PREFERENCES_URL}">Change</a>, '
        f'<a href="{UNSUBSCRIBE_URL}">leave</a>\n',
        "text": f"Hello\n\nChange: {PREFERENCES_URL}\nLeave: {UNSUBSCRIBE_URL}\n",
        "entries": 9,
        "created_at": datetime(2026, 11, 20, 12, tzinfo=UTC),
    }
    return Issue(**usual | changes)


def list_headers_of(**changes):
    usual = {
        "sender": FromAddress(name="The Weekly", address="news@example.org"),
        "reply_to": None,
        "list_id": "weekly.news.example.org",
        "list_title": "The Weekly",
    }
    return ListHeaders(**usual | changes)


def recipient_of(**changes):
    usual = {
        "address": "ann@example.org",
        "message_id": "<abcdefghijklmnopqrstuvwxyz.d@example.org>",
        "date": datetime(2026, 11, 20, 12, tzinfo=UTC),
        "unsubscribe_url": "https://news.example.org/u/AAAABBBBCCCCDDDDEEEEFF",
        "preferences_url": "https://news.example.org/p/AAAABBBBCCCCDDDDEEEE",
        "feedback_id": "7:weekly:tidings",
    }
    return Recipient(**usual | changes)
