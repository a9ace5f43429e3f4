"""Settings: where they come from, which wins, and what they may be."""

import tomllib
from dataclasses import fields, is_dataclass
from datetime import timedelta

import pytest

from tidings.config import Settings, load
from tidings.errors import ConfigError
from tidings.fetching.policy import HostPolicy
from tidings.mail.settings import DomainLimits
from tidings.resources import data_dir

SHIPPED = data_dir("config") / "tidings.toml"


@pytest.fixture
def load_with(tmp_path):
    """Load the shipped settings with an operator's file and an environment over them."""

    def load_with(text="", **environment):
        file = tmp_path / "own.toml"
        file.write_text(text)
        return load(SHIPPED, file, {f"TIDINGS_{name}": v for name, v in environment.items()})

    return load_with


def test_the_shipped_file_has_every_setting_and_no_other():
    shipped = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))

    settings = load(SHIPPED, None, {})

    for section in fields(Settings):
        value = getattr(settings, section.name)
        if is_dataclass(value):
            names = {field.name.rstrip("_") for field in fields(value)} - {"hosts", "domains"}
            assert names == set(shipped[section.name])


def test_the_operators_file_wins_over_the_shipped_one_and_the_environment_over_both(load_with):
    text = "[web]\nport = 81\nhost = '::1'"

    settings = load_with(text, WEB__PORT="82")

    assert (settings.web.port, settings.web.host) == (82, "::1")
    assert settings.web.public_url == "http://[::1]:82"
    assert load_with(WEB__BASE_URL="https://e.org/n/").web.public_url == "https://e.org/n"


def test_the_file_may_be_named_in_the_environment(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text("[web]\nport = 81")

    assert load(SHIPPED, None, {"TIDINGS_CONFIG": str(file)}).web.port == 81
    assert load(SHIPPED, None, {"TIDINGS_CONFIG": ""}).web.port == 8000


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        pytest.param("90", 90, id="bare seconds"),
        pytest.param("'90s'", 90, id="seconds"),
        pytest.param("'15m'", 900, id="minutes"),
        pytest.param("'1.5h'", 5400, id="hours"),
        pytest.param("'2d'", 172_800, id="days"),
        pytest.param("0.25", 0.25, id="part of a second"),
    ],
)
def test_durations(load_with, written, seconds):
    settings = load_with(f"[poll]\ninterval = {written}")

    assert settings.poll.interval == timedelta(seconds=seconds)


@pytest.mark.parametrize("written", ["'1w'", "''", "'-1s'", "true", "[]", "'1h30m'", "'\u0661s'"])
def test_what_is_no_duration(load_with, written):
    with pytest.raises(ConfigError, match=r"own\.toml: \[poll\] interval: expected a duration"):
        load_with(f"[poll]\ninterval = {written}")


def test_lists_are_split_at_commas_in_the_environment(load_with):
    written = load_with("[fetch]\nallow = ['a:1', 'b:2']").fetch.allow
    split = load_with(FETCH__ALLOW=" a:1, b:2 ,").fetch.allow

    assert written == split == ("a:1", "b:2")
    assert load_with(FETCH__ALLOW="").fetch.allow == ()


def test_a_host_may_have_settings_of_its_own(load_with):
    settings = load_with('[fetch.hosts."e.org:443"]\ninterval = "5s"')

    assert settings.fetch.hosts == {"e.org:443": HostPolicy(interval=timedelta(seconds=5))}

    assert settings.fetch.interval_of("e.org:443") == timedelta(seconds=5)
    assert settings.fetch.interval_of("e.org:80") == settings.fetch.host_interval


def test_a_domain_may_have_limits_of_its_own(load_with):
    settings = load_with('[smtp.domains."e.org"]\nper_second = 5')

    assert settings.smtp.domains == {"e.org": DomainLimits(per_second=5)}
    with pytest.raises(ConfigError, match=r"\[smtp\.domains\] E\.org: name a domain"):
        load_with('[smtp.domains."E.org"]\nper_second = 5')


def test_a_value_may_stand_in_a_file_of_its_own(load_with, tmp_path):
    (tmp_path / "secret").write_text("postgresql://u:p@h/n\n")

    settings = load_with(DATABASE__URL_FILE=str(tmp_path / "secret"))

    assert settings.database.url == "postgresql://u:p@h/n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            '[fetch.hosts."e.org:443"]\ninterwal = 1',
            r"\[fetch\.hosts\.e\.org:443\] interwal: no such setting \(interval\?\)",
            id="in a host",
        ),
        pytest.param("[zzz]\na = 1", r"\[zzz\]: no such setting$", id="nothing is near"),
        pytest.param(
            "[web.port]\na = 1", r"port: a section where a value belongs", id="a section too many"
        ),
        pytest.param("[web]\nport = 1.5", r"expected a whole number from 0 on, got 1\.5", id="1.5"),
        pytest.param(
            "[smtp]\nconnections = 0", r"expected a whole number from 1 on, got 0", id="no letters"
        ),
        pytest.param("[web]\nhost = 1", r"\[web\] host: expected a text, got 1", id="a number"),
        pytest.param("[fetch]\nallow = 5", r"\[fetch\] allow: expected a list, got 5", id="list"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(load_with, text, message):
    with pytest.raises(ConfigError, match=message) as refusal:
        load_with(text)

    assert "own.toml" in str(refusal.value)


def test_a_setting_without_a_default_is_missed(tmp_path):
    shipped = tmp_path / "tidings.toml"
    shipped.write_text(SHIPPED.read_text(encoding="utf-8").replace("port = 8000", ""))

    with pytest.raises(ConfigError, match=r"\[web\] port: not set"):
        load(shipped, None, {})
