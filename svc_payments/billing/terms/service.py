"""Records payment terms and finds those in force on a day. One operator proposes, another approves."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.outbox import emit
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound, Problem
from kit.calendar import database_time, today_of
from kit.staff.second_person import require_second_holder
from svc_payments.billing.terms import schemas
from svc_payments.billing.terms.events import PaymentTermsPublished
from svc_payments.billing.terms.models import TermsApproval, TermsVersion
from svc_payments.billing.terms.terms import NONE_AGREED, LateFee, PublicTerms, Terms
from svc_payments.oversight.audit import service as audit
from svc_payments.parties.providers.models import Provider


class TermsBeginInThePast(Problem):
    """What has been paid by other terms is not charged again."""

    status, code = 422, "terms_begin_in_the_past"


class TermsAlreadyApproved(Problem):
    status, code = 409, "terms_already_approved"


class TermsOvertaken(Problem):
    """A later version is in force or about to be; it would not be clear which is meant."""

    status, code = 409, "terms_overtaken"


@dataclass(frozen=True)
class InForce:
    """A version that is approved, and the first day of it."""

    version: int
    since: date
    terms: Terms


@dataclass(frozen=True)
class History:
    """A provider's approved terms, the highest version first."""

    versions: Sequence[InForce] = ()

    def found_on(self, day: date) -> InForce | None:
        return next((each for each in self.versions if each.since <= day), None)

    def on(self, day: date) -> Terms:
        found = self.found_on(day)
        return found.terms if found else NONE_AGREED

    def late_fee_rule(self, due_date: date) -> LateFee | None:
        """The rule for a bill: that of its due date, so that no later change makes it dearer than its payer knew."""
        return self.on(due_date).late_fee


NO_HISTORY = History()


async def histories(tx: AsyncSession, provider_ids: Collection[UUID]) -> Mapping[UUID, History]:
    """What was agreed with each of these providers; a provider without terms has an empty history."""
    rows = await tx.execute(
        select(TermsVersion.provider_id, TermsVersion.version, TermsVersion.document, TermsApproval.in_force_from)
        .join(TermsVersion.approval)
        .where(TermsVersion.provider_id.in_(provider_ids))
        .order_by(TermsVersion.version.desc())
    )
    found: dict[UUID, list[InForce]] = defaultdict(list)
    for provider_id, version, document, since in rows:
        found[provider_id].append(InForce(version, since, Terms.model_validate(document)))
    return {provider_id: History(found[provider_id]) for provider_id in provider_ids}


async def history(tx: AsyncSession, provider_id: UUID) -> History:
    return (await histories(tx, [provider_id]))[provider_id]


async def terms_of(tx: AsyncSession, provider_id: UUID) -> Terms:
    """What holds today for paying this provider."""
    return (await history(tx, provider_id)).on(await today_of(tx))


async def show_in_force(tx: AsyncSession, provider_id: UUID) -> schemas.TermsInForce:
    """Today's terms as residents see them.

    Raises:
        NotFound: there is no such provider.
    """
    if await tx.get(Provider, provider_id) is None:
        raise NotFound
    found = (await history(tx, provider_id)).found_on(await today_of(tx))
    terms = found.terms if found else NONE_AGREED
    return schemas.TermsInForce(
        provider_id=provider_id,
        version=found.version if found else None,
        in_force_from=found.since if found else None,
        terms=PublicTerms.model_validate(terms.model_dump()),
    )


async def propose(tx: AsyncSession, caller: Caller, provider_id: UUID, new: schemas.NewTerms) -> schemas.TermsVersion:
    """Record new terms, for a second operator to approve.

    Raises:
        NotFound: there is no such provider.
        TermsBeginInThePast: they would change what has been.
    """
    await _lock_provider(tx, provider_id)
    if new.in_force_from < await today_of(tx) and (await history(tx, provider_id)).versions:
        raise TermsBeginInThePast
    newest = select(func.max(TermsVersion.version)).where(TermsVersion.provider_id == provider_id)
    version = TermsVersion(
        provider_id=provider_id,
        version=(await tx.scalar(newest) or 0) + 1,
        wanted_from=new.in_force_from,
        document=new.terms.model_dump(mode="json"),
        reason=new.reason,
        proposed_by=caller.id,
        proposed_at=await database_time(tx),
    )
    tx.add(version)
    await audit.record(tx, caller, "propose_payment_terms", provider_id, reason=new.reason, version=version.version)
    return _shown(version, None)


async def approve(tx: AsyncSession, caller: Caller, provider_id: UUID, version: int) -> schemas.TermsVersion:
    """Put proposed terms into force.

    Raises:
        NotFound: there is no such version.
        SecondPersonNeeded: the caller wrote them; and the others of `require_second_holder`.
        TermsAlreadyApproved, TermsOvertaken: it is too late for that.
    """
    await _lock_provider(tx, provider_id)
    proposed = await tx.get(TermsVersion, (provider_id, version))
    if proposed is None:
        raise NotFound
    await require_second_holder(tx, caller, proposed.proposed_by, since=proposed.proposed_at)
    approved = (await history(tx, provider_id)).versions
    if approved and approved[0].version >= version:
        raise TermsAlreadyApproved if any(each.version == version for each in approved) else TermsOvertaken
    day = await today_of(tx)
    approval = TermsApproval(
        provider_id=provider_id,
        version=version,
        proposed_by=proposed.proposed_by,
        approved_by=caller.id,
        in_force_from=max(proposed.wanted_from, day) if approved else proposed.wanted_from,
        approved_at=await database_time(tx),
    )
    tx.add(approval)
    await audit.record(tx, caller, "approve_payment_terms", provider_id, version=version)
    await emit(
        tx,
        PaymentTermsPublished(provider_id=provider_id, version=version, in_force_from=approval.in_force_from),
    )
    return _shown(proposed, approval)


async def list_versions(
    tx: AsyncSession, caller: Caller, provider_id: UUID, page: PageRequest
) -> Page[schemas.TermsVersion]:
    """Everything that was ever proposed for a provider, newest first.

    Raises:
        NotFound: there is no such provider, or the caller is another one.
    """
    foreign = caller.kind == "client" and caller.id != provider_id
    if foreign or await tx.get(Provider, provider_id) is None:
        raise NotFound
    versions = select(TermsVersion).where(TermsVersion.provider_id == provider_id)
    return await page_of(
        tx, versions, page, TermsVersion.version, lambda each: _shown(each, each.approval), newest_first=True
    )


async def _lock_provider(tx: AsyncSession, provider_id: UUID) -> None:
    """Versions are numbered, and approvals weighed against each other, one at a time."""
    if await tx.get(Provider, provider_id, with_for_update={"key_share": True}) is None:
        raise NotFound


def _shown(version: TermsVersion, approval: TermsApproval | None) -> schemas.TermsVersion:
    return schemas.TermsVersion(
        provider_id=version.provider_id,
        version=version.version,
        terms=version.terms,
        reason=version.reason,
        wanted_from=version.wanted_from,
        proposed_by=version.proposed_by,
        proposed_at=version.proposed_at,
        approved_by=approval.approved_by if approval else None,
        approved_at=approval.approved_at if approval else None,
        in_force_from=approval.in_force_from if approval else None,
    )
