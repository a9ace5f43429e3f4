"""What a database that was put back to an earlier state must not mail again."""

import shutil

import pytest

from newsletter_site import NewsletterSite, Outbox
from parsed_entries import DAY, HOUR, NOON
from tidings.db import backups, schema
from tidings.db.database import Database
from tidings.errors import StorageError
from tidings.newsletters.store import deliveries
from tidings.search.store import index

SEVEN = NOON - 5 * HOUR + DAY


@pytest.fixture
def house(tmp_path):
    """A newsletter with two readers and news, in a file that can be put back."""
    database = Database(f"sqlite:///{tmp_path}/tidings.db")
    schema.upgrade(database, rebuild_index=index.rebuild)
    made = NewsletterSite(database)
    made.add_newsletter()
    made.source = made.follow()
    for name in ("ann", "bob"):
        made.subscribe(f"{name}@example.org")
    made.publish(made.source, 2)
    made.now = SEVEN
    yield made
    database.close()


def back_up(house, tmp_path):
    backups.backup(house.database, tmp_path / "backup.db")


def restore(house, tmp_path):
    backups.restore(house.database, tmp_path / "backup.db")


def test_what_was_planned_before_the_backup_and_sent_after_it_is_not_sent_again(house, tmp_path):
    house.plan()
    back_up(house, tmp_path)
    relay = Outbox()
    house.deliver(relay)

    restore(house, tmp_path)
    for _ in range(4):
        house.plan()
        house.deliver(relay)
        house.now += DAY

    assert sorted(relay.seen) == ["ann@example.org", "bob@example.org"]
    assert house.states() == ["assumed_accepted"] * 2


def test_what_was_planned_and_sent_after_the_backup_is_not_sent_again(house, tmp_path):
    back_up(house, tmp_path)
    relay = Outbox()
    house.plan()
    house.deliver(relay)

    restore(house, tmp_path)
    house.now += HOUR
    house.plan()
    house.deliver(relay)
    later = house.publish(house.source)
    house.now += DAY
    house.plan()
    house.deliver(relay)

    assert len(relay.sent) == 4
    assert [letter.told for letter in relay.sent[2:]] == [later, later]
    assert [row.reason for row in house.log()] == ["restored", "restored", "empty", "empty"]


def test_a_letter_on_its_way_during_the_backup_is_not_sent_again(house, tmp_path):
    house.plan()
    relay = Outbox(_back_up_first(house, tmp_path))
    house.deliver(relay)

    restore(house, tmp_path)
    house.let_leases_run_out()
    house.plan()
    house.deliver(relay)

    assert sorted(relay.seen) == ["ann@example.org", "bob@example.org"]


def _back_up_first(house, tmp_path):
    def send(outbox, envelope, letter, mark):
        back_up(house, tmp_path)
        mark()
        return outbox.take(envelope, letter)

    return send


def test_what_is_held_goes_out_at_the_operators_word(house, tmp_path):
    house.plan()
    back_up(house, tmp_path)
    house.deliver(Outbox())
    restore(house, tmp_path)
    house.plan()
    relay = Outbox()
    held = house.states()

    with house.database.write() as connection:
        deliveries.resend(connection, [1], now=house.now)
    house.deliver(relay)

    assert held == ["held", "held"]
    assert relay.seen == ["ann@example.org"]
    assert house.states() == ["accepted", "held"]


def test_a_copy_put_back_by_other_means_is_noticed_as_well(house, tmp_path):
    house.plan()
    house.database.close()
    shutil.copyfile(tmp_path / "tidings.db", tmp_path / "copy.db")
    relay = Outbox()
    house.deliver(relay)
    house.database.close()
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"tidings.db{suffix}").unlink(missing_ok=True)

    shutil.copyfile(tmp_path / "copy.db", tmp_path / "tidings.db")
    house.plan()
    house.deliver(relay)

    assert len(relay.sent) == 2


def test_a_database_that_is_not_restored_is_left_alone(house):
    house.plan()
    house.deliver(Outbox())
    news = house.publish(house.source)
    house.now += DAY
    house.plan()
    relay = Outbox()
    house.deliver(relay)

    assert [letter.told for letter in relay.sent] == [news, news]
    assert house.log() == []


def test_without_anything_sent_since_the_backup_what_was_planned_goes_out(house, tmp_path):
    house.deliver(Outbox())
    house.plan()
    back_up(house, tmp_path)
    restore(house, tmp_path)
    relay = Outbox()

    house.plan()
    house.deliver(relay)

    assert len(relay.sent) == 2


def test_a_broken_witness_stops_planning_rather_than_mailing_twice(house, tmp_path):
    (tmp_path / "tidings.db.sent").write_text("nonsense")

    with pytest.raises(StorageError, match=r"tidings\.db\.sent"):
        house.plan()

    assert house.deliveries() == []
