from typing import Any, ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from kit.fields.customer_parameters import CustomerParameters
from svc_services.providers.applications.stated_terms import StatedTerms
from svc_services.reference.models import UtilityKind


class ProviderApproved(Event):
    """A company's systems may connect: svc_identity makes its OAuth client, svc_payments takes its bills."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.provider.approved.v1"
    key_field: ClassVar[str] = "provider_id"

    provider_id: UUID
    kind: UtilityKind
    name: str
    """The company's, never a person's."""
    uscc: str
    division_codes: list[str]
    endpoint_url: str
    jwks: dict[str, Any]
    customer_parameters: CustomerParameters
    """How its account numbers look."""
    approved_by: UUID | None = None
    """The operator."""
    stated_terms: StatedTerms | None = None
    """How the company says that its bills are paid; svc_payments proposes them as its payment terms."""
