"""What digests and notices have in common: a subject, and styles where mail programs see them."""

import css_inline

from tidings.errors import TemplateError
from tidings.rendering.plain_text import clipped, one_line

MAX_SUBJECT = 120


def subject_line(text: str, template: str) -> str:
    """Return `text` as a subject: one line, not too long, nothing that reads as encoded.

    Raises:
        TemplateError: The template has written nothing.
    """
    line = one_line(text)
    if not line.strip():
        raise TemplateError(template, "says nothing: a letter needs a subject")
    return clipped(line.replace("=?", "= ?"), MAX_SUBJECT)


def styled(html: str) -> str:
    """Return HTML with its styles in its elements, where all mail programs look for them."""
    return css_inline.inline(
        html, keep_at_rules=True, minify_css=True, load_remote_stylesheets=False
    )
