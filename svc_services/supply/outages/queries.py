"""Whom an outage concerns: bindings whose premises begin as one of its areas says."""

from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select

from kit.fields.divisions import WHOLE
from svc_services.accounts.bindings.models import AccountBinding
from svc_services.accounts.bindings.queries import in_force
from svc_services.accounts.premises.models import AccountPremises
from svc_services.reference.models import UtilityKind
from svc_services.supply.outages.models import Outage, OutageArea, OutageStatus


def concerns() -> ColumnElement[bool]:
    """Whether the outage of a query concerns the binding of the query."""
    within = exists().where(_premises_of_binding(), OutageArea.outage_id == Outage.id, _in_area())
    return and_(
        Outage.provider_id == AccountBinding.provider_id,
        or_(Outage.covers_all, within.correlate(Outage, AccountBinding)),
    )


def unmatched_areas(outage: Outage, today: date) -> Select[OutageArea]:
    """The addresses of an outage at which no account is known."""
    matched = exists().where(
        AccountBinding.provider_id == outage.provider_id, in_force(today), _premises_of_binding(), _in_area()
    )
    named = (OutageArea.outage_id == outage.id) & OutageArea.address.is_not(None)
    return select(OutageArea).where(named, ~matched.correlate(OutageArea)).order_by(OutageArea.position)


def _premises_of_binding() -> ColumnElement[bool]:
    return and_(
        AccountPremises.provider_id == AccountBinding.provider_id,
        AccountPremises.account_number == AccountBinding.account_number,
    )


def _in_area() -> ColumnElement[bool]:
    # 解放西路1 begins 解放西路12号 as a text, and is another house.
    next_one = func.substr(AccountPremises.address, func.length(OutageArea.prefix) + 1, 1)
    return and_(
        OutageArea.division_code.in_((AccountPremises.division_code, WHOLE)),
        func.starts_with(AccountPremises.address, OutageArea.prefix),
        ~and_(OutageArea.prefix.regexp_match("[0-9]$"), next_one.regexp_match("[0-9]")),
    )


def outages_of(person_id: UUID, today: date) -> Select[Outage]:
    """The outages that concern accounts of a person."""
    of_mine = exists().where(AccountBinding.person_id == person_id, in_force(today), concerns())
    return select(Outage).where(of_mine.correlate(Outage))


def outages_where(
    kind: UtilityKind | None, division_code: str | None, provider_id: UUID | None, status: OutageStatus | None
) -> Select[Outage]:
    """Outages of a kind, in a division, of a company; one of the whole prefecture is one of each division."""
    query = select(Outage)
    if kind:
        query = query.where(Outage.kind == kind)
    if provider_id:
        query = query.where(Outage.provider_id == provider_id)
    if status:
        query = query.where(Outage.status == status)
    if division_code and division_code != WHOLE:
        there = exists().where(OutageArea.outage_id == Outage.id, OutageArea.division_code.in_((division_code, WHOLE)))
        query = query.where(there)
    return query
