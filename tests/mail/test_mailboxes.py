"""The mailboxes that bounces arrive in: a real folder, and a real server on loopback."""

import pytest

from fake_imap import PASSWORD, FakeImap
from tidings.errors import MailboxError
from tidings.mail import mailboxes
from tidings.mail.mailboxes import Imap, Maildir
from tidings.mail.reports import MAX_SIZE
from tidings.mail.settings import BounceSettings


@pytest.fixture
def maildir(tmp_path):
    for name in ("new", "cur", "tmp"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    return tmp_path / "mail"


def names(folder):
    return sorted(one.name for one in folder.iterdir())


def settings_for(server, **changes):
    usual = {
        "address": "",
        "maildir": "",
        "imap_host": "127.0.0.1",
        "imap_port": server.port,
        "imap_user": "bounces",
        "imap_password": PASSWORD,
        "imap_folder": "Mail/Bounces",
    }
    return BounceSettings(**usual | changes)


def finish_all(mailbox):
    for message in mailbox.unread():
        message.finish(True)


def test_what_is_read_in_a_maildir_is_flagged_and_nothing_is_deleted(maildir):
    for name in ("1700000002.b.host", "1700000001.a.host", "1700000003.c.host"):
        (maildir / "new" / name).write_bytes(name.encode())
    (maildir / "new" / ".hidden").write_bytes(b"")

    read = []
    for message in Maildir(maildir, max_size=MAX_SIZE).unread():
        read.append(message.raw)
        if b"c" not in message.raw:
            message.finish(b"a" in message.raw)

    assert read == [b"1700000001.a.host", b"1700000002.b.host", b"1700000003.c.host"]
    assert names(maildir / "cur") == ["1700000001.a.host:2,S", "1700000002.b.host:2,"]
    assert names(maildir / "new") == [".hidden", "1700000003.c.host"]


def test_a_message_that_somebody_else_takes_away_meanwhile_is_passed_over(maildir):
    for name in ("1", "2", "3"):
        (maildir / "new" / name).write_bytes(name.encode())

    read = []
    for message in Maildir(maildir, max_size=MAX_SIZE).unread():
        read.append(message.raw)
        (maildir / "new" / message.raw.decode()).unlink()
        (maildir / "new" / "2").unlink(missing_ok=True)
        message.finish(True)

    assert read == [b"1", b"3"]


def test_of_a_long_message_the_beginning_is_read(maildir):
    (maildir / "new" / "1").write_bytes(b"x" * (MAX_SIZE + 1))

    [message] = Maildir(maildir, max_size=MAX_SIZE).unread()

    assert len(message.raw) == MAX_SIZE


def test_a_folder_that_is_no_maildir_is_refused(tmp_path):
    with pytest.raises(MailboxError, match="not a Maildir"):
        list(Maildir(tmp_path, max_size=MAX_SIZE).unread())


def test_a_maildir_that_cannot_be_read_is_told_of(maildir):
    (maildir / "new" / "1").mkdir()

    with pytest.raises(MailboxError, match="Is a directory"):
        list(Maildir(maildir, max_size=MAX_SIZE).unread())


def test_what_is_read_on_a_server_is_flagged_and_nothing_else_changes(server_tls, trusted):
    with FakeImap(server_tls, b"one", b"two", b"three\r\n" + b"x" * MAX_SIZE) as server:
        server.seen.add(7)

        read = []
        for message in Imap(settings_for(server), max_size=MAX_SIZE).unread():
            assert 8 not in server.seen  # not before it is finished
            read.append(message.raw)
            message.finish(message.raw == b"two" and len(read) == 1)
            server.seen.discard(8)

    assert read == [b"two", b"three\r\n" + b"x" * (MAX_SIZE - 7)]
    assert server.seen == {7}
    verbs = [command.removeprefix("UID ").split(" ")[0] for command in server.commands]
    assert set(verbs) == {"CAPABILITY", "LOGIN", "SELECT", "SEARCH", "FETCH", "STORE", "LOGOUT"}


def test_mail_that_is_no_report_is_fetched_once_and_stays_unread(server_tls, trusted):
    with FakeImap(server_tls, b"one", b"two") as server:
        mailbox = Imap(settings_for(server), max_size=MAX_SIZE)
        for message in mailbox.unread():
            message.finish(False)

        again = list(mailbox.unread())
        server.messages[9] = b"three"
        later = [message.raw for message in mailbox.unread()]

    assert again == []
    assert later == [b"three"]
    assert server.fetched == [7, 8, 9]
    assert server.seen == set()


def test_numbers_that_a_server_gave_out_anew_are_read_anew(server_tls, trusted):
    with FakeImap(server_tls, b"one") as server:
        mailbox = Imap(settings_for(server), max_size=MAX_SIZE)
        for message in mailbox.unread():
            message.finish(False)
        server.validity = 2

        assert [message.raw for message in mailbox.unread()] == [b"one"]


def test_what_has_not_been_finished_comes_again(server_tls, trusted):
    with FakeImap(server_tls, b"one", b"two") as server:
        mailbox = Imap(settings_for(server), max_size=MAX_SIZE)
        next(mailbox.unread())

        assert [message.raw for message in mailbox.unread()] == [b"one", b"two"]


def test_a_message_that_is_gone_when_it_is_asked_for_is_passed_over(server_tls, trusted):
    with FakeImap(server_tls, b"one", b"two", b"three") as server:
        read = []
        for message in Imap(settings_for(server), max_size=MAX_SIZE).unread():
            read.append(message.raw)
            server.messages.pop(8, None)

    assert read == [b"one", b"three"]


@pytest.mark.parametrize("refused", ["LOGIN", "SELECT", "SEARCH", "FETCH", "STORE"])
def test_a_server_that_refuses_is_told_of(server_tls, trusted, refused):
    with FakeImap(server_tls, b"one") as server:
        server.refused.add(refused)

        with pytest.raises(MailboxError, match=r"127\.0\.0\.1: .*not now"):
            finish_all(Imap(settings_for(server), max_size=MAX_SIZE))


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(server_tls):
    with (
        FakeImap(server_tls, b"one") as server,
        pytest.raises(MailboxError, match="certificate verify failed"),
    ):
        list(Imap(settings_for(server), max_size=MAX_SIZE).unread())

    assert server.commands == []


def test_a_server_that_is_not_there_is_told_of(server_tls):
    with FakeImap(server_tls) as server:
        settings = settings_for(server)

    with pytest.raises(MailboxError, match=r"127\.0\.0\.1: .*refused"):
        list(Imap(settings, max_size=MAX_SIZE).unread())


def test_a_run_reads_so_many_and_the_next_one_goes_on(server_tls, trusted, maildir, monkeypatch):
    monkeypatch.setattr(mailboxes, "MAX_MESSAGES", 2)
    for name in ("1", "2", "3"):
        (maildir / "new" / name).write_bytes(name.encode())
    with FakeImap(server_tls, b"1", b"2", b"3") as server:
        for mailbox in (
            Imap(settings_for(server), max_size=MAX_SIZE),
            Maildir(maildir, max_size=MAX_SIZE),
        ):
            runs = []
            for _ in range(3):
                runs.append([])
                for message in mailbox.unread():
                    runs[-1].append(message.raw)
                    message.finish(False)

            assert runs == [[b"1", b"2"], [b"3"], []]
