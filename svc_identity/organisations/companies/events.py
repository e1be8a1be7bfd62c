from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event


class ProviderLinked(Event):
    """Members of this organisation act for this provider, by their roles."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.identity.organisation.provider_linked.v1"
    key_field: ClassVar[str] = "organisation_id"

    organisation_id: UUID
    provider_id: UUID
    uscc: str
    """Of the company, as svc_services approved it."""
