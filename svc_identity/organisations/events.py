from typing import ClassVar
from uuid import UUID

from chassis.outbox import Event
from svc_identity.organisations.models import Kind


class OrganisationRegistered(Event):
    event_type: ClassVar[str] = "cn.ili.identity.organisation.registered.v1"
    key_field: ClassVar[str] = "organisation_id"

    organisation_id: UUID
    kind: Kind
    division_code: str
