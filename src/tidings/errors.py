"""The errors tidings raises on purpose.

```
TidingsError
├── ConfigError                      exit 2: settings, files, the database at start
├── NotFoundError                    exit 1, 404
├── ConflictError                    exit 1, 409
├── InvalidError                     exit 2, 400: a value that cannot be what it should be
├── FetchError                       a result of polling, kept on the source
│   ├── TimedOutError
│   ├── UnreachableError
│   │   └── UnknownHostError
│   ├── StatusError
│   ├── TooLargeError
│   ├── ForbiddenAddressError
│   └── BrokenTransferError
├── NoFeedError                      exit 1: what the operator wanted to follow is no feed
├── ParseError                       a result of polling, kept on the source
├── ImportFileError                  exit 1: a file the operator gave cannot be read
├── StorageError                     exit 1, 503: the database failed; nothing half-done is kept
│   └── DatabaseAwayError            the same may work later: it is locked, full, or not reached
├── DeliveryError                    a result of delivering, kept on the delivery
│   ├── RefusedForNowError
│   ├── RejectedError
│   ├── SenderFaultError
│   ├── RelayUnreachableError
│   └── LostReplyError
├── MailboxError                     exit 1: where bounces arrive cannot be read now
├── DnsError                         a result of `doctor`: nobody answers
├── LeaseLostError                   a result of polling: nothing of it is kept
├── PlanOutdatedError                a result of planning: nothing of it is kept
└── TemplateError                    at start, if a template breaks its contract
```

Every error says what it is about. Messages are one line, lower-case, without a full stop.
Foreign exceptions become these once, at the boundary that met them.
"""

from datetime import timedelta
from typing import Any

# Bytes of UTF-8 that a stored error takes at most: a hostile server writes part of the message.
MAX_MESSAGE = 1000


def one_line(text: str) -> str:
    """Return `text` as one printable line of at most `MAX_MESSAGE` bytes."""
    # Cut first: the text may be megabytes. Control characters would move the cursor of a terminal.
    printable = "".join(c if c.isprintable() else " " for c in text[: 2 * MAX_MESSAGE])
    # Lone surrogates, as in file names, have no UTF-8.
    line = " ".join(printable.split()).encode(errors="replace")
    return (
        line.decode()
        if len(line) <= MAX_MESSAGE
        # The ellipsis takes three bytes; a character that was cut in two is left out.
        else line[: MAX_MESSAGE - 3].decode(errors="ignore") + "…"
    )


class TidingsError(Exception):
    """Anything tidings reports in one line instead of a traceback."""

    def __str__(self) -> str:
        # For all of them: messages quote servers, files and people.
        return one_line(super().__str__())

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickled by its message: the arguments that a kind makes it from are not kept.
        return Exception.__new__, (type(self), *self.args), vars(self)


class ConfigError(TidingsError):
    """A setting, a file named by one, or the database cannot be used as it is."""


class NotFoundError(TidingsError):
    """Nothing of this kind has that key.

    Args:
        kind: What was looked for, as people call it.
        key: What it was looked for by.
        nearest: What may have been meant.
        advice: What to do, if that was meant.
    """

    def __init__(
        self, kind: str, key: object, *, nearest: str | None = None, advice: str = ""
    ) -> None:
        hint = f" ({nearest}?)" if nearest else ""
        super().__init__(f"no {kind} {key}{hint}{f'; {advice}' if advice else ''}")
        self.kind = kind
        self.key = key


class ConflictError(TidingsError):
    """Something of this kind is in the way; the message says which."""

    def __init__(self, kind: str, key: object, *, because: str = "exists already") -> None:
        super().__init__(f"{kind} {key} {because}")
        self.kind = kind
        self.key = key
        self.because = because


class InvalidError(TidingsError):
    """A value given by a person cannot be what it should be; the message says why.

    Attributes:
        detail: What is wrong, in a word that pages have a sentence for in every language.
    """

    def __init__(self, kind: str, value: object, because: str, *, detail: str = "") -> None:
        super().__init__(f"{kind} {value!r}: {because}")
        self.detail = detail
        self.kind = kind
        self.value = value
        self.because = because


class ImportFileError(TidingsError):
    """A file that the operator named cannot be read as what it should be."""

    def __init__(self, path: object, because: str) -> None:
        super().__init__(f"cannot read {path}: {because}")
        self.path = path


class StorageError(TidingsError):
    """The database cannot be reached, is locked, full or broken; what was begun is undone."""

    def __init__(self, database: str, because: str) -> None:
        super().__init__(f"database {database}: {because}")


class DatabaseAwayError(StorageError):
    """The database is locked, full or cannot be reached: what was tried may work later."""


class MailboxError(TidingsError):
    """The mailbox that bounces arrive in cannot be read now."""

    def __init__(self, mailbox: str, because: str) -> None:
        super().__init__(f"cannot read the mailbox {mailbox}: {because}")


class DnsError(TidingsError):
    """No name server answers, or none can."""

    def __init__(self, name: str, because: str) -> None:
        super().__init__(f"cannot look up {name}: {because}")


class PlanOutdatedError(TidingsError):
    """Subscriptions or deliveries are not any more as they were when the plan was made."""

    def __init__(self) -> None:
        super().__init__("the plan is out of date: another process planned or sent meanwhile")


class LeaseLostError(TidingsError):
    """Sources were removed, or their hosts taken over, while they were polled."""

    def __init__(self) -> None:
        super().__init__("removed, or taken over by another process, while it was polled")


class TemplateError(TidingsError):
    """A template is missing, broken, or uses what its context does not have."""

    def __init__(self, template: str, because: str) -> None:
        super().__init__(f"template {template}: {because}")
        self.template = template


class FetchError(TidingsError):
    """A document could not be fetched.

    Attributes:
        url: The address asked, without credentials.
        transient: Whether the next regular poll may fare better without anybody's help.
        retry_after: The pause the server asked for, if it did.
    """

    transient = True

    def __init__(self, url: str, because: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(f"cannot fetch {url}: {because}")
        self.url = url
        self.because = because
        self.retry_after = retry_after

    def at(self, shown: str) -> str:
        """Return the message with what is `shown` of an address in place of the one asked."""
        return f"cannot fetch {shown}: {self.because}"


class TimedOutError(FetchError):
    """A deadline passed: to connect, to the first byte, between bytes, or in total."""


class UnreachableError(FetchError):
    """No connection: the name does not resolve, the port is closed, TLS failed."""


class UnknownHostError(UnreachableError):
    """The name does not resolve."""


class StatusError(FetchError):
    """The server answered with a status that is neither a document nor "not modified"."""

    def __init__(
        self, url: str, status: int, phrase: str, *, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(url, f"{status} {phrase}".strip(), retry_after=retry_after)
        self.status = status
        # These ask to come again (RFC 9110, 8470, 6585); other 4xx need somebody to do something.
        self.transient = status in {408, 425, 429} or status >= 500


class TooLargeError(FetchError):
    """The body, once decoded, exceeds the size or ratio limit."""

    # Until the document shrinks, or somebody raises the limit.
    transient = False


class ForbiddenAddressError(FetchError):
    """The address dialled, or the scheme, is not one we talk to."""

    transient = False


class BrokenTransferError(FetchError):
    """The body ended early, or is not in the encoding its headers claim."""


class NoFeedError(TidingsError):
    """An address answers with something that is no feed.

    Attributes:
        offered: The feeds that it leads to instead.
    """

    def __init__(self, url: str, found: str, offered: tuple[str, ...]) -> None:
        advice = f"; feeds found: {', '.join(offered)}" if offered else ""
        super().__init__(f"no feed at {url}: {found}{advice}")
        self.url = url
        self.offered = offered


class ParseError(TidingsError):
    """A document that arrived whole is not a feed, or reading it took too much."""

    # The same bytes would fail again.
    transient = False

    def __init__(self, url: str, because: str) -> None:
        super().__init__(f"cannot read {url}: {because}")
        self.url = url
        self.because = because

    def at(self, shown: str) -> str:
        """Return the message with what is `shown` of an address in place of its own."""
        return f"cannot read {shown}: {self.because}"


class DeliveryError(TidingsError):
    """A message was not accepted, as far as we know.

    Attributes:
        recipient: The address it was for.
        because: What the relay said, or what became of the connection.
        transient: Whether the same message may be accepted later.
        stops_relay: Whether every other message would fare the same at this relay now.
        is_of_domain: Whether others to the recipient's domain may well fare the same.
    """

    transient = True

    def __init__(
        self,
        recipient: str,
        because: str,
        *,
        stops_relay: bool = False,
        is_of_domain: bool = False,
    ) -> None:
        super().__init__(f"cannot deliver to {recipient}: {because}")
        self.recipient = recipient
        self.because = because
        self.stops_relay = stops_relay
        self.is_of_domain = is_of_domain


class RefusedForNowError(DeliveryError):
    """The relay asks to come back later."""


class RejectedError(DeliveryError):
    """The relay refuses this message to this recipient for good."""

    transient = False


class SenderFaultError(DeliveryError):
    """The relay refuses us: who we are, how we speak, or what we may. No recipient's fault."""


class RelayUnreachableError(DeliveryError):
    """The message did not get as far as the relay, for certain: safe to repeat."""


class LostReplyError(DeliveryError):
    """The message was on its way when the connection broke: nobody knows what became of it."""
