"""Letters into a folder: whole files, one for each Message-ID."""

import pytest

from tidings.errors import ConfigError, RelayUnreachableError
from tidings.mail.folder import Folder
from tidings.mail.transport import Envelope, OutgoingMessage

ENVELOPE = Envelope(sender="news@example.org", recipient="ann@example.org")


def letter_of(message_id):
    return b"From: news@example.org\r\nMessage-ID: <%s>\r\n\r\n.\r\nHello\r\n" % message_id


def never():
    raise AssertionError("a folder needs no marker")


def test_a_letter_becomes_a_file_for_its_owner_alone(tmp_path):
    folder = tmp_path / "var" / "outbox"

    with Folder(folder).connect() as send:
        reply = send(
            OutgoingMessage(envelope=ENVELOPE, content=letter_of(b"abc.d@example.org")), never
        )

    (file,) = folder.iterdir()
    assert file.name == "abc.d@example.org.eml"
    assert file.read_bytes() == letter_of(b"abc.d@example.org")
    assert str(reply) == "250 kept as abc.d@example.org.eml"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_same_letter_again_is_the_same_file(tmp_path):
    folder = Folder(tmp_path)

    for _ in range(2):
        with folder.connect() as send:
            send(OutgoingMessage(envelope=ENVELOPE, content=letter_of(b"one@example.org")), never)

    assert [file.name for file in tmp_path.iterdir()] == ["one@example.org.eml"]


@pytest.mark.parametrize(
    "message_id",
    [
        pytest.param(b"../../etc/passwd@e.org", id="climbs"),
        pytest.param(b"/etc/passwd", id="absolute"),
        pytest.param(b".hidden@e.org", id="hidden"),
        pytest.param(b"..", id="parent"),
        pytest.param(b"a\0b\\c:d*e?f\xff@e.org", id="odd bytes"),
        pytest.param(b"a" * 3000 + b"@e.org", id="long"),
    ],
)
def test_no_message_id_leads_out_of_the_folder(tmp_path, message_id):
    folder = tmp_path / "outbox"

    with Folder(folder).connect() as send:
        send(OutgoingMessage(envelope=ENVELOPE, content=letter_of(message_id)), never)
        send(OutgoingMessage(envelope=ENVELOPE, content=letter_of(message_id + b"x")), never)

    assert [path.name for path in tmp_path.iterdir()] == ["outbox"]
    names = [file.name for file in folder.iterdir()]
    assert len(names) == 2
    assert all(name.endswith(".eml") and not name.startswith(".") for name in names)


def test_a_message_id_in_the_body_names_nothing(tmp_path):
    letter = b"From: a@example.org\r\n\r\nMessage-ID: <b@example.org>\r\n"

    with Folder(tmp_path).connect() as send, pytest.raises(ValueError, match="without Message-ID"):
        send(OutgoingMessage(envelope=ENVELOPE, content=letter), never)


def test_a_folder_that_cannot_be_written_to_is_unreachable_and_keeps_no_half(tmp_path):
    taken = tmp_path / "one@example.org.eml"
    taken.mkdir()

    with Folder(tmp_path).connect() as send, pytest.raises(RelayUnreachableError) as caught:
        send(OutgoingMessage(envelope=ENVELOPE, content=letter_of(b"one@example.org")), never)

    assert str(caught.value) == (
        f"cannot deliver to ann@example.org: cannot write to {tmp_path}: Is a directory"
    )
    assert list(tmp_path.iterdir()) == [taken]


def test_a_folder_that_cannot_be_made_is_an_error_of_the_settings(tmp_path):
    (tmp_path / "outbox").write_text("a file")

    with pytest.raises(ConfigError, match=r"\[mail\] folder: cannot make .*outbox: File exists"):
        Folder(tmp_path / "outbox")
