"""Loads and checks the templates of all pages and messages before anything is served."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import get_args

from tidings.app.fonts import font_faces
from tidings.newsletters import render
from tidings.operator.pages import OperatorPage
from tidings.operator.status import StatusPage
from tidings.publishing.directories import SourcesPage, TopicsPage
from tidings.publishing.formats.registry import FORMATS
from tidings.publishing.search_files import FileSearchPage
from tidings.publishing.search_page import SearchPage
from tidings.publishing.views import (
    EntryPage,
    ErrorPage,
    IssueContent,
    IssuePage,
    IssuesPage,
    ListPage,
    Page,
)
from tidings.subscribers import transactional_message
from tidings.subscribers.pages import SubscriberPage
from tidings.templating.engine import Templates

# Every page with a template of its own: one that is not here is not checked at start.
PAGES: tuple[type[Page], ...] = (
    ListPage,
    EntryPage,
    TopicsPage,
    SourcesPage,
    IssuePage,
    IssueContent,
    IssuesPage,
    ErrorPage,
    SearchPage,
    FileSearchPage,
    StatusPage,
    *get_args(SubscriberPage),
    *get_args(OperatorPage),
)


def load_templates(
    directories: Sequence[Path], *, fonts: Mapping[str, bytes] = MappingProxyType({})
) -> Templates:
    """Load the templates of all pages, the operator's folder first, with fonts by file name.

    Raises:
        TemplateError: A file is missing, broken, or breaks its page's contract.
    """
    contracts = {kind.template: frozenset(field.name for field in fields(kind)) for kind in PAGES}
    # Shared, not in each context: every page names our feeds in its head.
    formats = tuple((one.name, one.title, one.media_type) for one in FORMATS.values())
    return Templates(
        directories,
        contracts=contracts,
        shared={"feed_formats": formats},
        # In the style sheet, so that a page asks for it once.
        prefixes={"style.css": font_faces(fonts)},
        fonts=fonts,
    )


def load_mail_templates(directories: Sequence[Path]) -> Templates:
    """Load the templates of all messages, the operator's folder first, and try what is theirs.

    Raises:
        TemplateError: A file is missing, broken, or uses what its context does not have; a part
            lacks the unsubscribe link, or the subject is empty.
    """
    templates = Templates(
        directories, contracts={**render.contracts(), **transactional_message.template_contracts()}
    )
    if templates.own:
        render.try_digests(templates)
        transactional_message.try_templates(templates)
    return templates
