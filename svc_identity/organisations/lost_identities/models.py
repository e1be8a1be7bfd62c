from enum import StrEnum

from sqlalchemy import Index

from chassis.db import one_of
from svc_identity.base import Base
from svc_identity.people.notices import Notice


class IdentityNews(StrEnum):
    """What a notice tells; the template of its SMS."""

    LOST = "identity_lost"


class IdentityNotice(Notice, Base):
    """A person who lost their proved identity is to be told by SMS; kept until the message has left."""

    __tablename__ = "identity_notices"
    __table_args__ = (one_of("what", IdentityNews), Index("ix_identity_notices_try_at", "try_at"))
