"""The table of what has ended; a service adds it to its metadata with `add_ended_access`."""

from enum import StrEnum

from sqlalchemy import Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text

from chassis.db import Timestamp

_metadata = MetaData()


class Kind(StrEnum):
    SIGN_IN = "sign_in"
    PERSON = "person"
    CLIENT = "client"
    AUTHORITY = "authority"
    """Of somebody who acts for another subject."""


ended_access = Table(
    "ended_access",
    _metadata,
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("ended_until", Timestamp, nullable=False),
    PrimaryKeyConstraint("kind", "subject"),
    Index("ix_ended_access_ended_until", "ended_until"),
)
"""Until when the tokens of a subject are refused: of a sign-in or an authority until all of them have expired, of a
suspended person or client without end, of a resumed one until its revision came. That row stays: an older event that
comes late must not suspend anew.
"""


def add_ended_access(metadata: MetaData) -> None:
    """Add the table to a service's metadata."""
    ended_access.to_metadata(metadata)
