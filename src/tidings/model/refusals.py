"""Classify SMTP refusals: about the recipient, or about us; by status code, else by wording."""

import re
from dataclasses import dataclass, field
from enum import StrEnum


class RefusalSubject(StrEnum):
    """What a mail server's refusal is about."""

    RECIPIENT = "recipient"
    OURS = "ours"
    """The sender, the content, the size, how often we write, or what we may."""
    PACE = "pace"
    """Too much at once; the same message is welcome later."""
    UNKNOWN = "unknown"


_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\d|\.\d)")

_RECIPIENT_STATUS = re.compile(r"[45]\.(?:1\.(?:[1-6]|10)|2\.[0124])")
# Policy, content, the sender's address, size. Not 5.5.x: a large provider says 5.5.0 of mailboxes
# that do not exist, and real faults of protocol have codes of their own.
_OUR_STATUS = re.compile(r"[45]\.(?:7\.\d+|6\.\d+|1\.[78]|2\.3|3\.4)")

# Those that do not tell which side is at fault; the wording may.
_GENERAL_STATUS = re.compile(r"|[245]\.(?:[035]\.\d+|1\.0)")

_PACE = re.compile(
    r"\bat a rate\b|\brate[ -]?limit|frequency limit"
    r"|too many (?:messages|e?mails|recipients|connections)",
    re.IGNORECASE,
)

# Words that mean us even beside words about a recipient: `sender address rejected: user unknown`
# (Postfix) is about our own address.
_OUR_NAME = re.compile(
    r"\bsender\b|\bmail from\b|\bfrom[: -]+(?:address|header|domain|field|line)|\breturn-?path\b"
    r"|\brelay(?:ing)?\b(?! recipient)|not verified|unverified|\bidentit(?:y|ies)\b"
    r"|\byour (?:account|domain|plan)\b|\bcredits\b"
    r"|\b(?:sending|daily|hourly|monthly|outgoing|outbound) (?:\w+ )?(?:quota|limit)",
    re.IGNORECASE,
)

_RECIPIENT = re.compile(
    r"""
    \b(?:user|recipient|mailbox|account|addressee|alias|inbox)s?\b[^.;]{0,60}?\b(?:unknown|invalid
        |unavailable|disabled|inactive|deactivated|suspended|rejected|closed|expired|full
        |over(?:\ |-)?quota|not\ (?:found|known|valid|exist|available|active|accept)|exceeded
        |(?:do|does|did)(?:\ not|n't)\ (?:exist|have|like)|no\ longer)
    |\b(?:no|unknown|invalid|bad|non-?existent|inactive|disabled)\ (?:such\ |valid\ |local\ )?
        (?:user|recipient|mailbox|account|address|addressee|person|alias|here)
    |\bnot\ a\ (?:known|valid|local)\ (?:user|recipient|mailbox|address)
    |\baddress(?:es)?\b[^.;]{0,40}?\b(?:unknown|not\ (?:found|exist)|rejected
        |does(?:\ not|n't)\ exist)
    |\bnobody\ (?:here|there|by\ that)|\b(?:mailbox|over)\ ?(?:quota|full)|\bquota\ exceeded
    """,
    re.IGNORECASE | re.VERBOSE,
)

_OURS = re.compile(
    r"""
    \b(?:too|very)\ (?:large|big|long)\b|\bsize\b|\bspam|\bvirus|\bmalware|\bphish|\bcontent|\bjunk
    |\bblock(?:ed|ing|\ ?list)|\bblack-?list|\bdeny-?list|\bbanned|\blisted\b|\brbl\b|reputation
    |\bpolicy|\bpolicies|\bunsolicited|\bbulk\b|\bspf\b|\bdkim\b|\bdmarc\b|\b(?:un)?auth|\blog ?in\b
    |\bcredential|\bpermi(?:tted|ssion)|\bdenied|\bforbidden|\bnot\ allowed|\bhelo\b|\behlo\b
    |\breverse\ dns|\bptr\b|\bip\b|\bsending\b
    |\bmessage\ (?:was\ |has\ been\ )?(?:rejected|refused|not\ accepted)
    """,
    re.IGNORECASE | re.VERBOSE,
)

_SIZE = re.compile(
    r"[45]\.(?:2\.3|3\.4)|\b(?:too|very) (?:large|big|long)\b|\bsize\b", re.IGNORECASE
)

_MICROSOFTS_UNKNOWN = re.compile(r"5\.4\.1\b.*(?<!relay )\baccess denied", re.IGNORECASE)

# Addresses, and whatever has a digit: queue ids, times, message ids.
_OF_ONE_MESSAGE = re.compile(r"\S*@\S*|\S*\d\S*")

# Messages of an issue that have to be refused in the same words, by several domains or by one.
MIN_SAME_REPLIES, MIN_SAME_REPLIES_OF_ONE_DOMAIN = 3, 5


def find_status(text: str) -> str | None:
    """Return the first enhanced status code in a text, such as `5.1.1` (RFC 3463)."""
    match = _STATUS.search(text)
    return match[0] if match else None


def find_exact_status(text: str) -> str | None:
    """Return the first enhanced status code in a text that is no general one (x.y.0)."""
    found = (match[0] for match in _STATUS.finditer(text))
    return next((status for status in found if not status.endswith(".0")), None)


def is_unknown_to_microsoft(text: str) -> bool:
    """Tell whether a text is how Exchange Online refuses unknown recipients: 5.4.1 access denied."""
    return _MICROSOFTS_UNKNOWN.search(text) is not None


def names_size(text: str) -> bool:
    """Tell whether a refusal says that a message is too large."""
    return _SIZE.search(text) is not None


def subject_of(text: str) -> RefusalSubject:
    """Return what a refusal is about, by the text after its code.

    A specific status decides; the wording does where there is none, or a general one (5.0.0).
    """
    # Many relays give no status when it is us that they refuse.
    status = find_status(text) or ""
    if _PACE.search(text) and not status.startswith("5.1."):
        return RefusalSubject.PACE  # Gmail: 5.2.1, receiving mail at a rate that …
    if is_unknown_to_microsoft(text) or _RECIPIENT_STATUS.fullmatch(status):
        return RefusalSubject.RECIPIENT
    if _OUR_STATUS.fullmatch(status) or _OUR_NAME.search(text):
        return RefusalSubject.OURS
    if not _GENERAL_STATUS.fullmatch(status):
        return RefusalSubject.UNKNOWN
    if _RECIPIENT.search(text):
        return RefusalSubject.RECIPIENT
    return RefusalSubject.OURS if _OURS.search(text) else RefusalSubject.UNKNOWN


@dataclass(slots=True)
class IssueReplies:
    """The replies so far to the messages of one issue.

    Attributes:
        accepted: How many the relay has taken.
        refused: The recipient's domain and the reply, by message.
    """

    accepted: int = 0
    refused: dict[int, tuple[str, str]] = field(default_factory=dict)

    def note_accepted(self, message: int) -> None:
        """Count an accepted message; it may have been refused before."""
        self.accepted += 1
        self.refused.pop(message, None)

    def note_refused(self, message: int, domain: str, reply: str) -> None:
        """Count a message that was refused for good, or because of us."""
        self.refused[message] = domain, _normalised_reply(reply)

    def alike(self, message: int) -> frozenset[int]:
        """Return the messages refused in the same words as this one, if they are most of all."""
        # No list goes stale in a day: a reply that most recipients get is about us, whatever it
        # says.
        _, words = self.refused[message]
        alike = {one: domain for one, (domain, said) in self.refused.items() if said == words}
        least = MIN_SAME_REPLIES if len(set(alike.values())) > 1 else MIN_SAME_REPLIES_OF_ONE_DOMAIN
        is_most = 2 * len(alike) > self.accepted + len(self.refused)
        return frozenset(alike) if is_most and len(alike) >= least else frozenset()

    def domains_of(self, messages: frozenset[int]) -> frozenset[str]:
        """Return the recipients' domains of refused messages."""
        return frozenset(self.refused[one][0] for one in messages)


def _normalised_reply(reply: str) -> str:
    status = find_status(reply) or reply[:3]
    return f"{status} {' '.join(_OF_ONE_MESSAGE.sub('', reply).lower().split())}"
