"""Statements: what a channel or a provider says that it did on a day, file by file and line by line."""

import hashlib
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, Index, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, one_of
from svc_payments.base import Base


class Source(StrEnum):
    """Who makes a statement."""

    CHANNEL = "channel"
    """Payments and refunds, from the channel that moved the money."""
    PROVIDER = "provider"
    """Postings, from the provider that booked them."""


class Movement(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"
    POSTING = "posting"


class LineState(StrEnum):
    DONE = "done"
    """The money was moved, or the bill booked."""
    ACCEPTED = "accepted"
    """A refund that has left our money at the channel on its day. When the payer has it stands in no statement."""
    OPEN = "open"
    """It was begun, and may still come to either end."""
    FAILED = "failed"
    """It was not done, and will not be."""


MOVES_MONEY = frozenset({LineState.DONE, LineState.ACCEPTED})

NO_BILL = hashlib.sha256(b"").hexdigest()
"""In place of a file: the channel says that it has no bill of the day. No file is empty."""


class Statement(Base):
    """One file. A corrected file of the same day is the next version; what counts is the newest."""

    __tablename__ = "statements"
    __table_args__ = (
        UniqueConstraint("source", "holder", "day", "version"),
        one_of("source", Source),
        # The money of a day is taken into the books once, whichever version it came with.
        Index(
            "uq_statements_settled_day",
            "source",
            "holder",
            "day",
            unique=True,
            postgresql_where=text("settled_at IS NOT NULL"),
        ),
        CheckConstraint("settled_at IS NULL OR source = 'channel'", name="only_channels_settle"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    source: Mapped[Source] = mapped_column(Text)
    holder: Mapped[str] = mapped_column(Text)
    """The channel's name or the provider's id."""
    day: Mapped[date] = mapped_column(Date)
    """In Beijing, as the maker of the file counts days."""
    version: Mapped[int]
    sha256: Mapped[str] = mapped_column(Text)
    """Of the file; `NO_BILL` where there is none."""
    lines: Mapped[int]
    in_fen: Mapped[int] = mapped_column(BigInteger)
    """Paid or booked, as far as it was done."""
    out_fen: Mapped[int] = mapped_column(BigInteger)
    """Refunded, as far as it was done."""
    fee_fen: Mapped[int] = mapped_column(BigInteger)
    """What the channel keeps of it: the fees of all lines, the sum rounded half up."""
    received_from: Mapped[str] = mapped_column(Text)
    """The subject of its uploader; `system` when it was fetched."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    settled_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When the channel's money of this day was found on our bank account."""


class StatementLine(Base):
    """One movement in a file.

    It has no foreign key: a file of a million lines would pay a lookup for each to confirm what its own transaction has
    just written. The lines of a file lie together, so a day is read without passing by any other.
    """

    __tablename__ = "statement_lines"
    __table_args__ = (
        one_of("movement", Movement),
        one_of("state", LineState),
        # Found again by refunds that succeed long after.
        Index("ix_statement_lines_accepted", "number", postgresql_where=text("state = 'accepted'")),
    )

    statement_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(Text, primary_key=True)
    """Ours: the order's, the refund's, or the posting's."""
    transaction_id: Mapped[str] = mapped_column(Text, primary_key=True)
    """The channel's number of a payment, as an order may be paid twice; empty where our number alone says which."""
    row: Mapped[int]
    movement: Mapped[Movement] = mapped_column(Text)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    """What it puts on our side: a payment and a booking are positive, a refund negative."""
    fee_millifen: Mapped[int] = mapped_column(BigInteger)
    """Thousandths of a fen, as WeChat Pay states fees to a hundred-thousandth of a yuan."""
    state: Mapped[LineState] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Timestamp)
    reference: Mapped[str] = mapped_column(Text)
    """The other side's own further number: of a refund or of a booking."""
