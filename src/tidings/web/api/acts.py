"""What operators may do by the API: the declarations."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from tidings.model.entries import Republish
from tidings.model.operators import EntryAct, Role, SourceAct
from tidings.model.sources import SourceHealth
from tidings.web.api.operations import Argument, Operation, Schema, number, one_of, text

_SLUGS: Schema = {"type": "array", "items": text(longest=200), "maxItems": 100}

_BOOLEAN: Schema = {"type": "boolean"}

_SETTINGS = (
    Argument(name="title", about="Empty for the feed's own.", schema=text(longest=500)),
    Argument(
        name="republish",
        about="How much of its entries may be shown.",
        schema=one_of(list(Republish)),
    ),
)


def _do(acts: Sequence[str]) -> Argument:
    return Argument(name="do", about="What to do.", schema=one_of(acts), is_required=True)


# By name; each has a method of that name in `ApiActs`.
ACTS: Mapping[str, Operation] = MappingProxyType(
    {
        one.name: one
        for one in (
            Operation(
                method="GET",
                path="/operator/sources",
                name="listOwnSources",
                about="Sources with their states and reasons, those that fail first.",
                result="OwnSources",
                role=Role.READ,
                query=(
                    Argument(
                        name="q", about="Words of a title or address.", schema=text(longest=200)
                    ),
                    Argument(
                        name="health",
                        about="Only those that do so.",
                        schema=one_of(list(SourceHealth)),
                    ),
                    Argument(name="page", about="From 1.", schema=number(least=1)),
                ),
            ),
            Operation(
                method="POST",
                path="/operator/sources",
                name="followSource",
                about="Follow a feed; its first entries are there at once.",
                result="OwnSource",
                status=201,
                role=Role.ALL,
                body=(
                    Argument(
                        name="url",
                        about="Of the feed.",
                        schema=text(longest=2000),
                        is_required=True,
                    ),
                    *_SETTINGS,
                    Argument(
                        name="topics",
                        about="Titles or slugs; those that are new are made.",
                        schema=_SLUGS,
                    ),
                    Argument(
                        name="all_public",
                        about="Whether all its entries are public now, and not the newest only.",
                        schema=_BOOLEAN,
                    ),
                ),
            ),
            Operation(
                method="GET",
                path="/operator/sources/{slug}",
                name="watchSource",
                about="A source, and why it is as it is.",
                result="WatchedSource",
                role=Role.READ,
            ),
            Operation(
                method="POST",
                path="/operator/sources/{slug}",
                name="actOnSource",
                about="Pause or resume a source, queue a poll of it, or release all that it holds.",
                result="WatchedSource",
                role=Role.MODERATE,
                body=(_do([one for one in SourceAct if one is not SourceAct.EDIT]),),
            ),
            Operation(
                method="PATCH",
                path="/operator/sources/{slug}",
                name="editSource",
                about="Change what is named of a source; all else stays.",
                result="WatchedSource",
                role=Role.MODERATE,
                body=(
                    *_SETTINGS,
                    Argument(name="topics", about="The slugs of all its topics.", schema=_SLUGS),
                    Argument(
                        name="interval",
                        about="Between polls, such as `3h`; empty for what is learned.",
                        schema=text(longest=20),
                    ),
                    Argument(
                        name="noindex",
                        about="Whether search engines are asked to leave its pages out.",
                        schema=_BOOLEAN,
                    ),
                ),
            ),
            Operation(
                method="DELETE",
                path="/operator/sources/{slug}",
                name="removeSource",
                about="Remove a source with its entries.",
                result="",
                status=204,
                role=Role.ALL,
            ),
            Operation(
                method="GET",
                path="/operator/entries",
                name="listQueue",
                about="Entries that wait, are pinned or were hidden.",
                result="Queue",
                role=Role.READ,
            ),
            Operation(
                method="POST",
                path="/operator/entries/{id}",
                name="actOnEntry",
                about="Hide, show, release, pin or unpin an entry, or take it out of its story.",
                result="",
                status=204,
                role=Role.MODERATE,
                body=(_do(list(EntryAct)),),
            ),
            Operation(
                method="GET",
                path="/operator/newsletters",
                name="listNewsletters",
                about="Newsletters, and what each has next.",
                result="Newsletters",
                role=Role.READ,
            ),
            Operation(
                method="GET",
                path="/operator/newsletters/{slug}/draft",
                name="getDraft",
                about="The draft of a newsletter's next issue.",
                result="Draft",
                role=Role.READ,
            ),
            Operation(
                method="POST",
                path="/operator/newsletters/{slug}/draft",
                name="actOnDraft",
                about="Open a draft of what is new right now, or approve the one that is open.",
                result="Draft",
                role=Role.MODERATE,
                body=(_do(["open", "approve"]),),
            ),
            Operation(
                method="GET",
                path="/operator/audit",
                name="listActs",
                about="Who did what, the latest first.",
                result="Audit",
                role=Role.READ,
            ),
        )
    }
)
