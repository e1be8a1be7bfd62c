"""Notices of contracts: found authentic by their channel, and harmless however often they come."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import NotFound, Problem
from svc_payments.channels.mandates import ContractNotice
from svc_payments.collection.mandates import service
from svc_payments.collection.notifications.service import NoticeForOtherMerchant, remember
from svc_payments.settings.channels import ChannelName


class NoticeOfUnknownContract(Problem):
    status, code = 404, "notice_of_unknown_contract"


async def take_contract_notice(
    tx: AsyncSession, channel: ChannelName, notice: ContractNotice, merchant_id: str
) -> None:
    """Apply a contract notice. Idempotent: a repeated notice has no effect.

    Raises:
        NonceReused: its nonce came with other content before.
        NoticeForOtherMerchant, NoticeOfUnknownContract: it is not about a contract of ours.
    """
    await remember(tx, channel, notice.proof)
    if notice.merchant_id != merchant_id:
        raise NoticeForOtherMerchant
    try:
        mandate = await service.lock(tx, UUID(notice.contract_number))
    except NotFound:
        raise NoticeOfUnknownContract from None
    if notice.signed:
        await service.contract_signed(tx, mandate, notice.contract_id)
    elif mandate.contract_id in {None, notice.contract_id}:
        await service.contract_ended(tx, mandate)
