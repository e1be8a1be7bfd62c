"""What a complaint is about, and whether this service knows it as the complainant's."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import NotFound
from kit.fields.divisions import WHOLE
from svc_services.accounts.bindings.queries import is_holder
from svc_services.accounts.bindings.service import UnknownProvider
from svc_services.cases.applications.models import Application, CaseStatus
from svc_services.cases.applications.refusals import AccountNotYours, NotServedThere
from svc_services.cases.fees.models import ApplicationFee
from svc_services.providers.applications.models import Provider
from svc_services.reference.service import require_divisions
from svc_services.supervision.complaints.models import ComplaintSubject
from svc_services.supervision.complaints.schemas import NewComplaint
from svc_services.supply.arrears.disputes import is_own_bill


@dataclass(frozen=True)
class Known:
    """The subject as it is stored."""

    provider_id: UUID
    division_code: str
    subject_ref: str | None
    subject_verified: bool


async def known(tx: AsyncSession, person_id: UUID, new: NewComplaint) -> Known:
    """Find what a resident complains about.

    svc_payments keeps bills and payments. Of bills this service knows those of the fees that it had quoted and of
    arrears notices; every other reference is kept as it was given, and marked.

    Raises:
        NotFound: the application is not theirs.
        AccountNotYours, UnknownProvider, UnknownDivision, NotServedThere
    """
    if new.application_id:
        case = await tx.get(Application, new.application_id)
        if case is None or case.person_id != person_id or case.status == CaseStatus.DRAFT:
            raise NotFound
        return Known(case.provider_id, case.division_code, str(case.id), subject_verified=True)
    provider_id, division_code = new.provider_id, new.division_code
    if provider_id is None or division_code is None:
        raise UnknownProvider
    await require_served(tx, provider_id, division_code)
    if new.account_number:
        if not await is_holder(tx, person_id, provider_id, new.account_number):
            raise AccountNotYours
        return Known(provider_id, division_code, new.account_number, subject_verified=True)
    if new.subject == ComplaintSubject.SERVICE:
        return Known(provider_id, division_code, None, subject_verified=True)
    ours = new.bill_id is not None and (
        await _is_own_fee(tx, person_id, provider_id, new.bill_id)
        or await is_own_bill(tx, person_id, provider_id, new.bill_id)
    )
    return Known(provider_id, division_code, str(new.bill_id or new.payment_id), subject_verified=ours)


async def require_served(tx: AsyncSession, provider_id: UUID, division_code: str) -> None:
    """Refuse a provider that is none, or is none of the division.

    Raises:
        UnknownProvider, UnknownDivision, NotServedThere
    """
    await require_divisions(tx, [division_code])
    provider = await tx.get(Provider, provider_id)
    if provider is None:
        raise UnknownProvider
    if division_code == WHOLE or not {division_code, WHOLE} & set(provider.division_codes):
        raise NotServedThere(division_code=division_code)


async def _is_own_fee(tx: AsyncSession, person_id: UUID, provider_id: UUID, bill_id: UUID) -> bool:
    fee = exists().where(
        ApplicationFee.id == bill_id,
        ApplicationFee.application_id == Application.id,
        Application.person_id == person_id,
        Application.provider_id == provider_id,
    )
    return bool(await tx.scalar(select(fee)))
