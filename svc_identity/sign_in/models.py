from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from svc_identity.base import Base
from svc_identity.vault.blind_indexes import BlindIndex
from svc_identity.vault.encryption import Encrypted


class SignIn(Base):
    """A sign-in under way: the app's request, the typed phone, and the code sent there."""

    __tablename__ = "sign_ins"
    __table_args__ = (Index("ix_sign_ins_guessed", "code_expires_at", postgresql_where=text("guesses > 0")),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary)
    request: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    phone: Mapped[str] = mapped_column(Encrypted("sign_ins.phone"))
    agreed_version: Mapped[str | None] = mapped_column(Text)
    """Of the agreements, where they were ticked on the phone page."""
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    guesses: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    """Wrong codes of all that were sent for it."""
    code_expires_at: Mapped[datetime] = mapped_column(Timestamp)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now, index=True)
    held_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When the code was right and the question was asked whose phone it was, until it is answered: `continuity`."""
    former_id: Mapped[UUID | None]
    """The person of whom it was asked."""
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)
    answer: Mapped[str | None] = mapped_column(Encrypted("sign_ins.answer"))
    """For a form that is posted again: the hashes of the wrong codes, then the address in the app. After the set-up of
    a factor the recovery codes, until the person has kept them."""
    phone_passed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When the code was right, where a second factor is needed as well."""
    password_passed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    factor_id: Mapped[UUID | None]
    """The factor that was used, or set up."""
    new_factor: Mapped[str | None] = mapped_column(Encrypted("sign_ins.new_factor"))
    """The key of the authenticator app that is to be set up."""
    challenge: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What a passkey is to sign."""
    person_id: Mapped[UUID | None]
    """Who signs in by a passkey alone; their phone plays no part."""
    verifying_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When all else had passed and the app's wish for level 3 was put to the person, until they go on."""
    verification_id: Mapped[UUID | None]
    """The verification that was begun there."""


class Proof(StrEnum):
    """How a question was answered that stands before a code."""

    WORK = "work"
    """By a script that computed for a while."""
    WORDS = "words"
    """By a person who read it."""


class UsedChallenge(Base):
    """A question or a challenge that was answered, rightly or not, so that it is good once."""

    __tablename__ = "used_challenges"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Timestamp, index=True)


class IdentityTry(Base):
    """A wrong name or ID number for the person who had a phone before, counted by phone."""

    __tablename__ = "identity_tries"
    __table_args__ = (Index("ix_identity_tries_phone_index_tried_at", "phone_index", "tried_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    phone_index: Mapped[bytes] = mapped_column(BlindIndex("persons.phone"))
    tried_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class KnownDevice(Base):
    """A browser in which somebody signed in with a phone."""

    __tablename__ = "known_devices"

    phone_index: Mapped[bytes] = mapped_column(BlindIndex("persons.phone"), primary_key=True)
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    used_at: Mapped[datetime] = mapped_column(Timestamp, index=True)


class SentCode(Base):
    """One SMS with a code, counted by phone and network address, both stored only as blind indexes."""

    __tablename__ = "sent_codes"
    __table_args__ = (
        one_of("proof", Proof),
        Index("ix_sent_codes_phone_index_sent_at", "phone_index", "sent_at"),
        Index("ix_sent_codes_address_index_sent_at", "address_index", "sent_at"),
        Index("ix_sent_codes_sent_at", "sent_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    phone_index: Mapped[bytes] = mapped_column(BlindIndex("persons.phone"))
    address_index: Mapped[bytes] = mapped_column(BlindIndex("sent_codes.address"))
    device_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The browser, if the phone knows it: its codes are counted apart."""
    sent_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    proof: Mapped[Proof | None] = mapped_column(Text)
    """Where a question stood before it."""
