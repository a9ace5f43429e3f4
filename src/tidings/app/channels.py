"""Builds what tells channels."""

from tidings.app.app import App, process_name, utc_now
from tidings.app.publishing import site_of
from tidings.channels.announcements import Announcements
from tidings.channels.courier import Courier
from tidings.fetching.post import Post


def announcements(app: App) -> Announcements:
    """Return what writes announcements.

    Raises:
        TemplateError: A template of messages is broken.
    """
    templates, language = app.mail_templates, app.settings.publish.language
    return Announcements(
        words=templates.words,
        # Pages may be in a language that messages have no templates for.
        language=language if language in templates.languages else "en",
        # When it is needed: what polls and mails starts without the templates of pages.
        site_title=lambda: site_of(app).title,
        site_url=app.settings.web.public_url,
    )


def courier(app: App, post: Post) -> Courier:
    """Return what tells channels; webhooks by `post`.

    Raises:
        TemplateError: A template of messages is broken.
    """
    return Courier(
        app.database,
        announcements=announcements(app),
        post=post,
        clock=utc_now,
        owner=process_name(),
    )
