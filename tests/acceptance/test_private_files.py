"""Who may read what is written: addresses and links are nobody else's, what is published everybody's."""

import os
import stat

import pytest


@pytest.fixture
def usual_umask():
    """Let everybody read what is made, as on most machines."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes_below(folder):
    """Return the rights of all that is in a folder, by path."""
    found = [folder, *folder.rglob("*")]
    return {str(one): stat.S_IMODE(one.stat().st_mode) for one in found}


@pytest.mark.usefixtures("usual_umask")
def test_what_tidings_keeps_is_for_its_own_user(install, tmp_path):
    tidings = install(f"sqlite:///{tmp_path}/kept/deep/tidings.db")
    letters = {"MAIL__FOLDER": tmp_path / "kept" / "letters" / "out", "SECRET": ""}
    tidings("newsletter", "add", "daily", "--title", "Daily")
    tidings("subscriber", "add", "ada@example.org", "--newsletter", "daily")

    tidings("issue", "send", "daily", "--yes", **letters)
    tidings("db", "backup", tmp_path / "kept" / "backups" / "a.db")
    tidings("db", "restore", tmp_path / "kept" / "backups" / "a.db", "--yes")
    with tidings.opened():
        modes = modes_below(tmp_path / "kept")

    names = {path.rpartition("/")[2] for path in modes}
    assert {"tidings.db", "a.db", "secret", "out", "tidings.db.before-restore"} <= names
    assert {mode & 0o077 for mode in modes.values()} == {0}


@pytest.mark.usefixtures("usual_umask")
def test_what_is_published_can_be_served_by_anybody(install, tmp_path):
    tidings = install(f"sqlite:///{tmp_path}/tidings.db")

    tidings("publish", tmp_path / "site" / "news")

    modes = modes_below(tmp_path / "site")
    assert len(modes) > 10
    assert all(mode & 0o044 == 0o044 for mode in modes.values())
