"""What mailing needs of the settings."""

import pytest

from sample_digests import ENGLISH, ISSUE_URL
from tidings.app import mailing
from tidings.app.app import opened
from tidings.config import load
from tidings.errors import ConfigError
from tidings.resources import data_dir


@pytest.fixture
def app_with(sqlite_url):
    """Return the program with this logo."""

    def app_with(logo):
        environment = {"TIDINGS_DATABASE__URL": sqlite_url, "TIDINGS_MAIL__LOGO": logo}
        return opened(load(data_dir("config") / "tidings.toml", None, environment))

    return app_with


def test_the_logo_of_the_settings_stands_in_issues(app_with):
    logo = "https://news.example/logo.png"

    with app_with(logo) as app:
        html = mailing.composer(app)._render_issue(ENGLISH, ISSUE_URL).html

    assert f'src="{logo}"' in html


def test_a_logo_that_mail_programs_would_not_show_is_refused(app_with):
    with (
        app_with("http://news.example/logo.png") as app,
        pytest.raises(ConfigError, match=r"logo: expected an address that begins with https"),
    ):
        mailing.composer(app)
