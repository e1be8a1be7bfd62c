"""Keeps where bound accounts are supplied, and forgets it with the last binding of an account."""

from uuid import UUID

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from chassis.problems import Problem
from chassis.telemetry import log
from svc_services.accounts.bindings.models import AccountBinding, BindingStatus
from svc_services.accounts.premises import schemas
from svc_services.accounts.premises.models import AccountPremises, comparable
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections.queries import locked_caller
from svc_services.reference.models import PREFECTURE
from svc_services.reference.service import UnknownDivision, require_divisions


class DivisionNotSupplied(Problem):
    """A company speaks for the divisions that it serves."""

    status, code = 422, "division_not_supplied"


async def report(tx: AsyncSession, provider_id: UUID, new: schemas.PremisesReport) -> schemas.PremisesReceived:
    """Keep the premises of those accounts that somebody has bound.

    Raises:
        NotAllowed, ClientSuspended, UnknownDivision, DivisionNotSupplied
    """
    provider = await locked_caller(tx, provider_id, read=True)
    await require_supplied(tx, provider, {each.division_code for each in new.premises})
    by_account = {each.account_number: each for each in new.premises}
    bound = await tx.scalars(
        select(AccountBinding.account_number)
        .distinct()
        .where(
            AccountBinding.provider_id == provider_id,
            AccountBinding.account_number.in_(by_account),
            AccountBinding.status == BindingStatus.ACTIVE,
        )
    )
    for account in sorted(bound):  # in one order, so that two reports cannot deadlock
        await keep(tx, provider_id, account, by_account[account])
    return schemas.PremisesReceived(received=len(by_account))


async def require_supplied(tx: AsyncSession, provider: Provider, division_codes: set[str]) -> None:
    """Refuse divisions that a company does not serve.

    Raises:
        UnknownDivision, DivisionNotSupplied
    """
    await require_divisions(tx, sorted(division_codes))
    if PREFECTURE not in provider.division_codes and not division_codes <= set(provider.division_codes):
        raise DivisionNotSupplied(division_codes=sorted(provider.division_codes))


async def keep(tx: AsyncSession, provider_id: UUID, account_number: str, premises: schemas.Premises) -> None:
    """Keep the premises of a bound account in the place of those before."""
    said = {
        "division_code": premises.division_code,
        "address": comparable(premises.address),
        "reported_at": now(),
    }
    row = insert(AccountPremises).values(provider_id=provider_id, account_number=account_number, **said)
    await tx.execute(row.on_conflict_do_update(index_elements=("provider_id", "account_number"), set_=said))


async def keep_stated(
    tx: AsyncSession, provider_id: UUID, account_number: str, premises: schemas.Premises | None
) -> None:
    """Keep what a provider said with the confirmation of a holder; a division that it does not serve is no premises."""
    if premises is None:
        return
    provider = await tx.get_one(Provider, provider_id)
    try:
        await require_supplied(tx, provider, {premises.division_code})
    except (DivisionNotSupplied, UnknownDivision):
        log.warning("provider_premises_not_served", provider_id=str(provider_id))
        return
    await keep(tx, provider_id, account_number, premises)


async def forget_unbound(database: Database) -> None:
    """Forget the premises of accounts that nobody has bound any more."""
    async with database.transaction() as tx:
        bound = exists().where(
            AccountBinding.provider_id == AccountPremises.provider_id,
            AccountBinding.account_number == AccountPremises.account_number,
            AccountBinding.status == BindingStatus.ACTIVE,
        )
        await tx.execute(delete(AccountPremises).where(~bound))
