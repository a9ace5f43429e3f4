"""Values as JSON, in the shapes that programs rely on: commands and the API share them."""

from dataclasses import asdict
from datetime import UTC, datetime

from tidings.model.entries import Entry
from tidings.model.service_status import LAGS, PollCounts, Status, TimeStep
from tidings.model.sources import Source


def rfc3339(moment: datetime | None) -> str | None:
    """Return a time as JSON has it: UTC, whole seconds, `Z`."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def source_json(source: Source) -> dict[str, object]:
    """Return a source in the shape that programs rely on."""
    return {
        "id": source.id,
        # Not `url`, which may hold a token.
        "url": source.shown_url,
        "title": source.title,
        "site_url": source.site_url,
        "topics": [topic.slug for topic in source.topics],
        "state": source.state,
        "next_poll_at": rfc3339(source.next_poll_at),
        "last_polled_at": rfc3339(source.last_polled_at),
        "last_ok_at": rfc3339(source.last_ok_at),
        "failures": source.failures,
        "last_error": source.last_error,
        "entries": source.entries,
        "next_poll_because": source.next_poll_because,
        "failing_with": source.failing_with,
        "is_dead": source.is_dead,
        "notice": source.notice,
        "page": source.page.selectors if source.page else None,
        "full_text": source.full_text.mode if source.full_text else None,
    }


def entry_json(entry: Entry) -> dict[str, object]:
    """Return an entry in the shape that programs rely on."""
    return {
        "id": entry.id,
        "seq": entry.seq,
        "source": entry.source.id,
        "guid": entry.guid,
        "title": entry.title,
        "url": entry.url,
        "authors": entry.authors,
        "categories": entry.categories,
        "published": rfc3339(entry.published),
        "updated": rfc3339(entry.updated),
        "first_seen_at": rfc3339(entry.first_seen_at),
        "sort_at": rfc3339(entry.sort_at),
        "excerpt": entry.excerpt,
        "state": entry.state,
    }


def status_json(status: Status) -> dict[str, object]:
    """Return how the service does, in the shape that programs rely on."""
    return {
        "at": rfc3339(status.at),
        "since": rfc3339(status.since),
        "last_polled_at": rfc3339(status.polled_at),
        "overdue_seconds": int(status.overdue.total_seconds()),
        "sources": status.sources,
        **_tally_json(status.whole),
        "issues": status.issues,
        "letters": status.letters,
        "steps": [_step_json(step) for step in status.steps],
        "failing": [
            {"source": one.id, "title": one.title, "with": one.word, "since": rfc3339(one.since)}
            for one in status.failing
        ],
        "slow": [
            {"source": one.id, "title": one.title, "lag_seconds": int(one.lag.total_seconds())}
            for one in status.slow
        ],
        "hubs": [asdict(one) for one in status.hubs],
    }


def _tally_json(tally: PollCounts) -> dict[str, object]:
    bounds = [str(int(lag.total_seconds())) for lag in LAGS]
    lags = dict(zip([*bounds, "more"], tally.lags, strict=True))
    return {"polls": tally.polls, "entries": tally.entries, "seen_within_seconds": lags}


def _step_json(step: TimeStep) -> dict[str, object]:
    return {
        "start": rfc3339(step.start),
        **_tally_json(step.tally),
        "issues": step.issues,
        "letters": step.letters,
    }
