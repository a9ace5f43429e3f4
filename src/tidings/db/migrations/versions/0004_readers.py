"""The tables of readers: sign-ups, consent, suppression, bounces, notices."""

import sqlalchemy as sa
from alembic import op

from tidings.db.types import UtcDateTime

revision = "0004"
down_revision = "0003"

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _extend_newsletter()
    _extend_subscriber()
    _extend_subscription()
    _create_sign_up()
    _create_address_change()
    _create_consent()
    _create_suppression()
    _create_bounce()
    _create_notice()
    _create_quota()


def _extend_newsletter() -> None:
    op.add_column("newsletter", sa.Column("sender", sa.Text(), nullable=True))
    op.add_column(
        "newsletter", sa.Column("min_entries", sa.Integer(), server_default="1", nullable=False)
    )
    op.add_column(
        "newsletter", sa.Column("max_entries", sa.Integer(), server_default="50", nullable=False)
    )
    op.add_column(
        "newsletter", sa.Column("images", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def _extend_subscriber() -> None:
    op.add_column(
        "subscriber", sa.Column("token_version", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column(
        "subscriber", sa.Column("bounce_score", sa.Double(), server_default="0", nullable=False)
    )
    op.add_column("subscriber", sa.Column("bouncing_since", UtcDateTime(), nullable=True))
    op.add_column("subscriber", sa.Column("bounced_at", UtcDateTime(), nullable=True))


def _extend_subscription() -> None:
    op.add_column(
        "subscription", sa.Column("nonce", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("subscription", sa.Column("paused_at", UtcDateTime(), nullable=True))
    op.add_column("subscription", sa.Column("ended_because", sa.Text(), nullable=True))
    op.drop_index("ix_subscription_due", table_name="subscription")
    gets_letters = sa.text("ended_at IS NULL AND paused_at IS NULL")
    op.create_index(
        "ix_subscription_due",
        "subscription",
        ["next_issue_at", "id"],
        sqlite_where=gets_letters,
        postgresql_where=gets_letters,
    )


def _create_sign_up() -> None:
    op.create_table(
        "sign_up",
        sa.Column("id", Id, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("newsletter_id", Id, nullable=False),
        sa.Column("frequency", sa.Text(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=True),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("asked_times", sa.Integer(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"],
            ["newsletter.id"],
            name=op.f("fk_sign_up_newsletter_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_up")),
        sa.UniqueConstraint("key", "newsletter_id", name=op.f("uq_sign_up_key_newsletter_id")),
    )
    op.create_index(op.f("ix_sign_up_expires_at"), "sign_up", ["expires_at"])


def _create_address_change() -> None:
    op.create_table(
        "address_change",
        sa.Column("id", Id, nullable=False),
        sa.Column("subscriber_id", Id, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_address_change_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_change")),
        sa.UniqueConstraint("subscriber_id", name=op.f("uq_address_change_subscriber_id")),
    )


def _create_consent() -> None:
    op.create_table(
        "consent",
        sa.Column("id", Id, nullable=False),
        sa.Column("subscriber_id", Id, nullable=False),
        sa.Column("newsletter", sa.Text(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=True),
        sa.Column("wording", sa.Text(), nullable=True),
        sa.Column("network", sa.Text(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_consent_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index(op.f("ix_consent_subscriber_id"), "consent", ["subscriber_id"])


def _create_suppression() -> None:
    op.create_table(
        "suppression",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_suppression")),
    )


def _create_bounce() -> None:
    op.create_table(
        "bounce",
        sa.Column("id", Id, nullable=False),
        sa.Column("subscriber_id", Id, nullable=False),
        sa.Column("delivery_id", Id, nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("diagnostic", sa.Text(), nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("fk_bounce_delivery_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_bounce_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bounce")),
        sa.UniqueConstraint("report", name=op.f("uq_bounce_report")),
    )
    op.create_index(op.f("ix_bounce_delivery_id"), "bounce", ["delivery_id"])
    op.create_index(op.f("ix_bounce_subscriber_id_at"), "bounce", ["subscriber_id", "at"])


def _create_notice() -> None:
    op.create_table(
        "notice",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("newsletter_id", Id, nullable=True),
        sa.Column("subscription_id", Id, nullable=True),
        sa.Column("sign_up_id", Id, nullable=True),
        sa.Column("address_change_id", Id, nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("marked_at", UtcDateTime(), nullable=True),
        sa.Column("resent", sa.Boolean(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_notice_attempts")),
        sa.ForeignKeyConstraint(
            ["address_change_id"],
            ["address_change.id"],
            name=op.f("fk_notice_address_change_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["newsletter_id"],
            ["newsletter.id"],
            name=op.f("fk_notice_newsletter_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["sign_up_id"], ["sign_up.id"], name=op.f("fk_notice_sign_up_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_notice_subscription_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("message_id", name=op.f("uq_notice_message_id")),
    )
    op.create_index(op.f("ix_notice_address_change_id"), "notice", ["address_change_id"])
    op.create_index(op.f("ix_notice_sign_up_id"), "notice", ["sign_up_id"])
    op.create_index(op.f("ix_notice_subscription_id"), "notice", ["subscription_id"])
    op.create_index(
        "ix_notice_waiting",
        "notice",
        ["next_try_at", "id"],
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )


def _create_quota() -> None:
    op.create_table(
        "quota",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_quota")),
    )
