"""Builds what tells channels."""

from tidings.app.app import App, process_name, utc_now
from tidings.app.publishing import site_of
from tidings.channels.announcements import Announcements
from tidings.channels.courier import Courier
from tidings.fetching.post import Post


def announcements(app: App) -> Announcements:
    """Return what writes announcements.

    Raises:
        TemplateError: A template of pages or messages is broken.
    """
    site, templates = site_of(app), app.mail_templates
    # Pages may be in a language that messages have no templates for.
    language = site.language if site.language in templates.languages else "en"
    return Announcements(
        words=templates.words, language=language, site_title=site.title, site_url=site.base_url
    )


def courier(app: App, post: Post) -> Courier:
    """Return what tells channels; webhooks by `post`.

    Raises:
        TemplateError: A template of pages or messages is broken.
    """
    return Courier(
        app.database,
        announcements=announcements(app),
        post=post,
        clock=utc_now,
        owner=process_name(),
    )
