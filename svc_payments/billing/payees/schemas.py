from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from chassis.text import Line
from kit.fields.divisions import DivisionCode
from kit.fields.uscc import uscc_fault
from svc_payments.billing.payees import models
from svc_payments.billing.payees.models import PayeeKind, Purpose
from svc_payments.billing.terms.terms import Fen

LARGEST_DAY_FEN = 100_000_000_000


def _no_fault(code: str) -> str:
    match uscc_fault(code):
        case "shape":
            raise ValueError("a unified social credit code is 18 digits and capital letters without I, O, S, V and Z")
        case "check_character":
            raise ValueError("the check character of the unified social credit code does not fit")
    return code


Uscc = Annotated[str, Field(min_length=18, max_length=18), AfterValidator(_no_fault)]
Reason = Annotated[Line, Field(max_length=500)]


class NewPayee(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    uscc: Uscc
    name: Annotated[Line, Field(max_length=100)]
    """Its legal name, as residents read it before they pay."""
    kind: PayeeKind
    division_code: DivisionCode
    organisation_id: UUID
    """Its organisation in identity, whose agents agree to apps."""
    bank_name: Annotated[Line, Field(max_length=100)]
    bank_account: Annotated[str, Field(pattern=r"^[0-9]{8,32}$")]
    """Held in its own legal name."""
    purposes: Annotated[set[Purpose], Field(min_length=1, max_length=len(Purpose))]
    most_fen: Fen
    """Of one order."""
    day_most_fen: Annotated[int, Field(strict=True, ge=1, le=LARGEST_DAY_FEN)]
    """Of all orders created on one day in Beijing."""
    reason: Reason


class PayeeStatement(BaseModel):
    """Why it is done; kept in the trail."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class Payee(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    payee_id: UUID
    """Also the `provider_id` of its settlements, terms and statements."""
    uscc: str
    name: str
    kind: str
    """public_body or public_institution; expect further values within v1."""
    division_code: str
    organisation_id: UUID
    bank_name: str
    bank_account: str
    purposes: list[str]
    most_fen: int
    day_most_fen: int
    status: str
    """proposed, approved, refused or suspended; expect further values within v1."""
    reason: str
    proposed_by: UUID
    proposed_at: datetime
    approved_by: UUID | None
    approved_at: datetime | None
    suspended_by: UUID | None
    suspended_at: datetime | None


class NewPayeeApp(BaseModel):
    model_config = ConfigDict(extra="forbid")

    app_id: UUID


class PayeeApp(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    payee_app_id: UUID
    payee_id: UUID
    app_id: UUID
    app_name: str | None
    """null: this service has not heard of a client of this app."""
    proposed_by: UUID
    proposed_at: datetime
    agreed_at: datetime | None
    """From then on the app may collect."""
    ended_at: datetime | None


def shown(payee: models.Payee) -> Payee:
    same = {name: getattr(payee, name) for name in Payee.model_fields if name != "payee_id"}
    return Payee(payee_id=payee.id, **same)


def app_shown(tie: models.PayeeApp, name: str | None) -> PayeeApp:
    names = ("payee_id", "app_id", "proposed_by", "proposed_at", "agreed_at", "ended_at")
    return PayeeApp(payee_app_id=tie.id, app_name=name, **{each: getattr(tie, each) for each in names})
