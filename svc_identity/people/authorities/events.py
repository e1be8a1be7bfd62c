from datetime import datetime
from typing import ClassVar

from chassis.outbox import Event


class AuthorityEnded(Event):
    """A person may not act for another subject any more: no token with this `authority` gives access."""

    event_type: ClassVar[str] = "cn.ili.identity.authority.ended.v1"
    key_field: ClassVar[str] = "authority_id"

    authority_id: str
    tokens_expire_at: datetime
    """From then on each of its access tokens has expired by itself, whatever clock reads it."""
