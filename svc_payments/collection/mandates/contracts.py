"""A mandate's contract at its channel: offered, polled, and ended once the mandate has ended.

As with orders, the channel is never called inside a transaction, and all calls carry the contract's own number.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.problems import IllegalMove, Problem
from chassis.telemetry import log
from kit.calendar import database_time
from kit.leases import claim_due, poll_again
from svc_payments.channels.mandates import (
    Contract,
    ContractAbsent,
    ContractAnswer,
    ContractRefused,
    Ended,
    MandateChannel,
    Signed,
    ToSign,
)
from svc_payments.channels.provider import Channels
from svc_payments.collection.mandates import service
from svc_payments.collection.mandates.models import OVER, Mandate, MandateStatus
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName

_CALLS_IN_AN_INQUIRY = 2


class ChannelCannotDeduct(Problem):
    status, code = 422, "channel_cannot_deduct"


@dataclass(frozen=True)
class Contracts:
    """What every step needs: the database and the channels to go between."""

    database: Database
    channels: Mapping[ChannelName, MandateChannel]
    settings: Settings

    @classmethod
    def of(cls, database: Database, channels: Channels, settings: Settings) -> "Contracts":
        able = {name: channel for name, channel in channels.items() if isinstance(channel, MandateChannel)}
        return cls(database, able, settings)

    def check(self, channel: ChannelName) -> None:
        """Refuse a channel that there is no deducting by contract at.

        Raises:
            ChannelCannotDeduct
        """
        able = self.channels.keys() - set(self.settings.paused_channels)
        if channel not in able:
            raise ChannelCannotDeduct(channels=sorted(able))

    async def sign(self, person_id: UUID, mandate_id: UUID) -> Mandate:
        """Offer the contract for signing. Idempotent: a repeated offer returns the same contract.

        Raises:
            NotFound: it is not this person's.
            IllegalMove: it is over.
            ChannelCannotDeduct: its channel was taken out of the settings in the meantime.
        """
        async with self.database.transaction() as tx:
            mandate = await service.own_mandate(tx, person_id, mandate_id, locked=True)
            if mandate.status in OVER:
                raise IllegalMove(current=mandate.status, wanted=MandateStatus.ACTIVE)
            if mandate.status != MandateStatus.REQUESTED:
                return mandate
            if mandate.channel not in self.channels:
                raise ChannelCannotDeduct(channels=sorted(self.channels))
            first_ask = timedelta(seconds=self.settings.ask_again_seconds[0])
            mandate.ask_at = min(await database_time(tx) + first_ask, mandate.sign_by)
        answer = await self.channels[mandate.channel].offer(contract_of(mandate))
        async with self.database.transaction() as tx:
            mandate = await service.lock(tx, mandate_id)
            await apply_answer(tx, mandate, answer)
        return mandate

    async def ask_due(self) -> int:
        """Query every contract that is due. Returns how many were queried."""
        lease = timedelta(seconds=_CALLS_IN_AN_INQUIRY * self.settings.channel_timeout_seconds + 1)
        async with self.database.transaction() as tx:
            due = await claim_due(tx, Mandate, lease)
            moment = await database_time(tx)
        await asyncio.gather(*(self._ask(mandate, moment) for mandate in due))
        return len(due)

    async def _ask(self, mandate: Mandate, moment: datetime) -> None:
        try:
            answer = await inquire(self.channels[mandate.channel], mandate, moment)
            async with self.database.transaction() as tx:
                mandate = await service.lock(tx, mandate.id)
                # Set before the answer is applied, which clears it when the contract is settled.
                latest = mandate.sign_by if moment < mandate.sign_by else None
                poll_again(mandate, await database_time(tx), self.settings.ask_again_seconds, latest=latest)
                await apply_answer(tx, mandate, answer)
        except Exception as error:  # noqa: BLE001 - this one is retried later; the others go on
            log.error("asking_failed", mandate_id=str(mandate.id), exc_info=error)


def contract_of(mandate: Mandate) -> Contract:
    """The request to the channel; the same at every attempt."""
    return Contract(mandate.contract_number, mandate.limit_fen, mandate.sign_by)


async def inquire(channel: MandateChannel, mandate: Mandate, moment: datetime) -> ContractAnswer:
    """Query a contract, and end it when it is no longer wanted or was not signed in time."""
    if mandate.status in OVER:
        return await channel.end_contract(mandate.contract_number)
    answer = await channel.query_contract(mandate.contract_number)
    if isinstance(answer, ToSign | ContractAbsent) and mandate.sign_by <= moment:
        return await channel.end_contract(mandate.contract_number)
    return answer


async def apply_answer(tx: AsyncSession, mandate: Mandate, answer: ContractAnswer) -> None:
    """Apply what the channel says of a locked mandate's contract."""
    match answer:
        case Signed(contract_id=contract_id):
            await service.contract_signed(tx, mandate, contract_id)
        case Ended() | ContractRefused():
            await service.contract_ended(tx, mandate)
        case ContractAbsent() if mandate.status in OVER or mandate.sign_by <= await database_time(tx):
            # The channel signs no contract past its deadline, so this one will never exist.
            await service.contract_ended(tx, mandate)
        case ToSign(sign_url=sign_url):
            mandate.sign_url = mandate.sign_url or sign_url
        case _:
            pass
