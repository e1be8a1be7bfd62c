"""Applications to connect, and connected providers."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.fields.customer_parameters import TEN_DIGITS, CustomerParameters
from svc_services.base import Base
from svc_services.providers.applications.stated_terms import UNSTATED, StatedTerms
from svc_services.reference.models import PREFECTURE, UtilityKind

_UNDECLARED = TEN_DIGITS.model_dump(mode="json")


def _parameters() -> Mapped[dict[str, Any]]:
    return mapped_column(JSONB, default=_UNDECLARED, server_default=TEN_DIGITS.model_dump_json())


class ApplicationStatus(StrEnum):
    APPLIED = "applied"
    APPROVED = "approved"
    REFUSED = "refused"


class Closure(StrEnum):
    """Why an application is refused that no operator has decided."""

    DISPLACED = "displaced"
    """The legal representative of the organisation has applied."""
    EXPIRED = "expired"
    """Nobody proved it in time."""


TRANSITIONS: dict[ApplicationStatus, set[ApplicationStatus]] = {
    ApplicationStatus.APPLIED: {ApplicationStatus.APPROVED, ApplicationStatus.REFUSED},
    ApplicationStatus.APPROVED: set(),
    ApplicationStatus.REFUSED: set(),
}


class ProviderApplication(Base):
    """A company's application to connect; decided once, by one operator."""

    __tablename__ = "provider_applications"
    __table_args__ = (
        one_of("status", ApplicationStatus),
        one_of("closure", Closure),
        CheckConstraint(
            "num_nulls(decided_by, decided_at) = CASE WHEN status = 'applied' OR closure IS NOT NULL THEN 2 ELSE 0 END",
            name="decided",
        ),
        CheckConstraint(
            "num_nonnulls(refusal_reason, closure) = CASE WHEN status = 'refused' THEN 1 ELSE 0 END",
            name="refusal_reason",
        ),
        Index(
            "uq_provider_applications_live",
            "uscc",
            "kind",
            unique=True,
            postgresql_where=text("status IN ('applied', 'approved')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    uscc: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[UtilityKind] = mapped_column(Text, ForeignKey("utility_kinds.kind"))
    division_codes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    jwks: Mapped[dict[str, Any]] = mapped_column(JSONB)
    endpoint_url: Mapped[str] = mapped_column(Text)
    customer_parameters: Mapped[dict[str, Any]] = _parameters()
    contact_phone: Mapped[str | None] = mapped_column(Text)
    jwks_uri: Mapped[str | None] = mapped_column(Text)
    """Where the company publishes its keys; `jwks` is empty then until the approval fetches them."""
    contract: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))
    """`number` and `signed_on` of the contract on paper."""
    requests_per_minute: Mapped[int | None]
    """How many calls a minute the company's system bears."""
    stated_terms: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """As `stated_terms.StatedTerms`."""
    revision: Mapped[int] = mapped_column(default=1, server_default="1")
    """Rises with each correction: runs and endorsements are of one revision."""
    proved_by: Mapped[UUID | None]
    """The legal representative or agent who applied; nobody has proved to speak for the company where it is empty."""
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the application token: reading this table does not give access to applications."""
    status: Mapped[ApplicationStatus] = mapped_column(Text, default=ApplicationStatus.APPLIED)
    refusal_reason: Mapped[str | None] = mapped_column(Text)
    closure: Mapped[Closure | None] = mapped_column(Text)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)

    @property
    def terms(self) -> StatedTerms:
        return StatedTerms.model_validate(self.stated_terms) if self.stated_terms else UNSTATED

    def decide(self, status: ApplicationStatus, operator_id: UUID) -> None:
        self.move_to(status)
        self.decided_by, self.decided_at = operator_id, now()

    def move_to(self, status: ApplicationStatus) -> None:
        self.status = checked_move(TRANSITIONS, ApplicationStatus(self.status), status)


class ProviderKey(Base):
    """A public key that is or was one of a connection. The primary key keeps it from every other one."""

    __tablename__ = "provider_keys"

    thumbprint: Mapped[str] = mapped_column(Text, primary_key=True)
    """RFC 7638, SHA-256."""
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))


class SuspendedBy(StrEnum):
    COMPANY = "company"
    OPERATOR = "operator"


class Provider(Base):
    """A company whose systems are connected. It keeps the id of its application, which is its OAuth client id too."""

    __tablename__ = "providers"
    __table_args__ = (
        Index(None, "uscc", "kind", unique=True),
        one_of("suspended_by", SuspendedBy),
        CheckConstraint(
            "(suspended_at IS NULL) = (suspended_by IS NULL) AND (suspended_at IS NULL) = (suspension_reason IS NULL)",
            name="suspended",
        ),
    )

    id: Mapped[UUID] = mapped_column(ForeignKey("provider_applications.id"), primary_key=True)
    uscc: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[UtilityKind] = mapped_column(Text, ForeignKey("utility_kinds.kind"))
    division_codes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    jwks: Mapped[dict[str, Any]] = mapped_column(JSONB)
    endpoint_url: Mapped[str] = mapped_column(Text)
    customer_parameters: Mapped[dict[str, Any]] = _parameters()
    """How its account numbers look."""
    approved_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    """Counts the changes of the connection; the events carry it, so that a late one changes nothing."""
    suspended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    suspended_by: Mapped[SuspendedBy | None] = mapped_column(Text)
    suspension_reason: Mapped[str | None] = mapped_column(Text)
    suspended_revision: Mapped[int | None]
    """The revision that the suspension made; a resumption proposed before it does not lift it."""

    @property
    def account_numbers(self) -> CustomerParameters:
        return CustomerParameters.model_validate(self.customer_parameters)

    @classmethod
    def serves(cls, division_code: str) -> ColumnElement[bool]:
        """Whether a company serves a division; one of the whole prefecture serves all of them."""
        served: ColumnElement[bool] = cls.division_codes.overlap([division_code, PREFECTURE])
        return served


class ApplicationAttempt(Base):
    """Somebody applied without a token; kept for an hour."""

    __tablename__ = "application_attempts"
    __table_args__ = (Index("ix_application_attempts_line_attempted_at", "line", "attempted_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    line: Mapped[str] = mapped_column(Text)
    """The network address, as `kit.network_lines` counts it."""
    attempted_at: Mapped[datetime] = mapped_column(Timestamp, default=now, index=True)
