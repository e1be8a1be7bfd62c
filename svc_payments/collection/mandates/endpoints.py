from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select

from chassis.auth import verified_otherwise
from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import NotFound
from svc_payments.channels.mandates import MandateChannel
from svc_payments.channels.notices import NOTICE_PROOF, refuse_query
from svc_payments.channels.schemas import ContractNotice
from svc_payments.collection.mandates import schemas, service
from svc_payments.collection.mandates.contracts import Contracts
from svc_payments.collection.mandates.models import Debit, Mandate
from svc_payments.collection.mandates.notices import take_contract_notice
from svc_payments.parties.callers import PayingResident
from svc_payments.settings.channels import ChannelName

router = APIRouter(prefix="/payments/v1", tags=["mandates"])

# Once, bounded by MYILI_CHANNEL_TIMEOUT_SECONDS.
_CALLS_THE_CHANNEL = {"x-timeout-seconds": 20}


async def _contracts(request: Request, transactions: Transactions) -> Contracts:
    return Contracts.of(transactions, request.app.state.channels, request.app.state.settings)


ContractsAtChannels = Annotated[Contracts, Depends(_contracts)]


@router.post("/mandates", status_code=201)
async def create_mandate(
    tx: Tx, caller: PayingResident, once: OnceKey, contracts: ContractsAtChannels, body: schemas.NewMandate
) -> schemas.Mandate:
    """Create an auto-pay mandate for an account.

    It takes effect once the contract is signed at the channel; bills are then deducted when they are due.
    """
    contracts.check(body.channel)
    lifetime = contracts.settings.sign_lifetime
    return await once.do(tx, caller, service.request(tx, caller.id, body, lifetime))


@router.get("/mandates")
async def list_mandates(tx: ReadTx, caller: PayingResident, page: PageQuery) -> Page[schemas.Mandate]:
    """List the caller's mandates, newest first."""
    own = select(Mandate).where(Mandate.person_id == caller.id)
    return await page_of(tx, own, page, Mandate.id, schemas.shown, newest_first=True)


@router.get("/mandates/{mandate_id}")
async def get_mandate(tx: ReadTx, caller: PayingResident, mandate_id: UUID) -> schemas.Mandate:
    """Get one of the caller's mandates."""
    return schemas.shown(await service.own_mandate(tx, caller.id, mandate_id))


@router.get("/mandates/{mandate_id}/debits")
async def list_mandate_debits(
    tx: ReadTx, caller: PayingResident, mandate_id: UUID, page: PageQuery
) -> Page[schemas.Debit]:
    """List the debits of a mandate, newest first: announced, deducted and left to the person."""
    mandate = await service.own_mandate(tx, caller.id, mandate_id)
    own = select(Debit).where(Debit.mandate_id == mandate.id)
    return await page_of(tx, own, page, Debit.id, schemas.shown_debit, newest_first=True)


@router.post("/mandates/{mandate_id}/sign", openapi_extra=_CALLS_THE_CHANNEL)
async def sign_mandate(caller: PayingResident, contracts: ContractsAtChannels, mandate_id: UUID) -> schemas.Mandate:
    """Offer the contract of a mandate at the channel and get the address to sign it at.

    Idempotent: a repeated request gets the same contract.
    """
    return schemas.shown(await contracts.sign(caller.id, mandate_id))


@router.post("/mandates/{mandate_id}/suspend")
async def suspend_mandate(tx: Tx, caller: PayingResident, once: OnceKey, mandate_id: UUID) -> schemas.Mandate:
    """Suspend a mandate.

    What was announced is not deducted.
    """
    return await once.do(tx, caller, service.suspend(tx, caller.id, mandate_id))


@router.post("/mandates/{mandate_id}/resume")
async def resume_mandate(tx: Tx, caller: PayingResident, once: OnceKey, mandate_id: UUID) -> schemas.Mandate:
    """Resume a suspended mandate.

    Due bills are announced again.
    """
    return await once.do(tx, caller, service.resume(tx, caller.id, mandate_id))


@router.post("/mandates/{mandate_id}/cancel")
async def cancel_mandate(tx: Tx, caller: PayingResident, once: OnceKey, mandate_id: UUID) -> schemas.Mandate:
    """Cancel a mandate.

    It takes effect at once, also for announced debits; the channel is notified afterwards.
    """
    return await once.do(tx, caller, service.cancel_own(tx, caller, mandate_id))


@router.post(
    "/channels/sandbox/contract-notices",
    status_code=204,
    dependencies=[Depends(verified_otherwise(by=NOTICE_PROOF))],
    openapi_extra={
        "x-max-body-bytes": 16 * 1024,
        # Read as raw bytes below, so the contract declares their shape here.
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": ContractNotice.model_json_schema()}},
        },
    },
)
async def receive_sandbox_contract_notice(request: Request, transactions: Transactions) -> None:
    """Receive a contract notification of the sandbox channel.

    It is repeated until the answer is a 2xx.
    """
    channel: MandateChannel | None = request.app.state.channels.get(ChannelName.SANDBOX)
    if channel is None:
        raise NotFound
    refuse_query(request)
    notice = await channel.read_contract_notice(request.headers, await request.body())
    merchant_id = request.app.state.settings.merchant_at(ChannelName.SANDBOX)
    async with transactions.transaction() as tx:
        await take_contract_notice(tx, ChannelName.SANDBOX, notice, merchant_id)
