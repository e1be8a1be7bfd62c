"""Paying settlements: a file of instructions to the bank, made once; sent by a second person; then confirmed."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import CHINA, new_id
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent, log
from kit.calendar import database_time
from kit.csv_text import Cell, csv_text
from kit.staff.second_person import require_second_holder
from svc_payments.amounts import in_yuan
from svc_payments.ledger import service as ledger
from svc_payments.ledger.models import TransferKind
from svc_payments.ledger.settlement_checks import UNPROVEN_LINES, UNPROVEN_SETTLEMENTS
from svc_payments.oversight.audit import service as audit
from svc_payments.parties.providers.models import Provider
from svc_payments.settlement.events import SettlementConfirmed
from svc_payments.settlement.models import FileState, Settlement, SettlementStatus, TransferFile

COLUMNS = ("序号", "结算单号", "结算日期", "收款单位编号", "收款单位名称", "金额（元）", "用途")
PURPOSE = "生活缴费结算款"
_MOST = 10_000
"""Settlements per file; the rest go into the next."""


class NothingToPay(Problem):
    """Every settlement is in a transfer file or has nothing payable."""

    status, code = 409, "nothing_to_pay"


class SettlementUnproven(Problem):
    """A settlement does not follow from the ledger: it, or what it is of, was written past the service."""

    status, code, security = 409, "settlement_unproven", SecurityEvent("settlement_unproven")


@dataclass(frozen=True)
class Generated:
    """A new file, and the closed settlements that are not in it."""

    file: TransferFile
    held: Sequence[UUID]
    """Those of a provider that has an unproven one."""


async def generate(tx: AsyncSession, caller: Caller, reason: str) -> Generated:
    """Put every closed settlement into a new file; none is ever in two.

    A provider with an unproven settlement is paid nothing until it has been examined. The others are paid.

    Raises:
        NothingToPay
        SettlementUnproven: there is no other.
    """
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("transfer files", 0))))
    closed = select(Settlement).where(Settlement.status == SettlementStatus.CLOSED).order_by(Settlement.id)
    found = (await tx.scalars(closed.limit(_MOST).with_for_update())).all()
    if not found:
        raise NothingToPay
    settlements, held = await _divided(tx, found)
    number = await _number(tx)
    file = TransferFile(
        id=new_id(),
        number=number,
        state=FileState.GENERATED,
        transfers=len(settlements),
        total_fen=sum(settlement.payable_fen for settlement in settlements),
        content=_written(number, settlements, await _names(tx, settlements)),
        generated_by=caller.subject,
    )
    tx.add(file)
    await tx.flush()
    for settlement in settlements:
        settlement.transfer_file_id = file.id
        settlement.move_to(SettlementStatus.INSTRUCTED)
    about = {"total_fen": file.total_fen} | ({"held": _named(held)} if held else {})
    await audit.record(tx, caller, "generate_transfer_file", file.id, reason=reason, **about)
    await tx.refresh(file)
    return Generated(file, held)


async def send(tx: AsyncSession, caller: Caller, file_id: UUID, reason: str) -> TransferFile:
    """Record that the bank has received the file.

    Raises:
        NotFound: there is no such file.
        SecondPersonNeeded: the caller has made it; and the others of `require_second_holder`.
        SettlementUnproven
        IllegalMove: it was sent already.
    """
    file = await _lock(tx, file_id)
    await require_second_holder(tx, caller, file.generated_by)
    settlements = await _settlements(tx, file)
    await _prove(tx, settlements)
    file.move_to(FileState.SENT)
    file.sent_by, file.sent_at = caller.subject, await database_time(tx)
    for settlement in settlements:
        settlement.move_to(SettlementStatus.SENT)
    await audit.record(tx, caller, "send_transfer_file", file.id, reason=reason)
    return file


async def confirm(tx: AsyncSession, caller: Caller, file_id: UUID, reason: str) -> TransferFile:
    """Record, also in the ledger, that the bank has paid it all.

    Raises:
        NotFound: there is no such file.
        IllegalMove: it was not sent, or is confirmed already.
        SettlementUnproven
    """
    file = await _lock(tx, file_id)
    await _prove(tx, await _settlements(tx, file))
    file.move_to(FileState.CONFIRMED)
    file.confirmed_by, file.confirmed_at = caller.subject, await database_time(tx)
    settlements = await _settlements(tx, file)
    for settlement in settlements:
        settlement.move_to(SettlementStatus.CONFIRMED)
        settlement.confirmed_at = file.confirmed_at
        await emit(tx, _confirmed(settlement))
    await audit.record(tx, caller, "confirm_transfer_file", file.id, reason=reason)
    for settlement in settlements:
        await ledger.transfer(
            tx,
            TransferKind.PROVIDER_SETTLED,
            settlement.id,
            debit=ledger.provider_payable(settlement.provider_id),
            credit=ledger.bank(),
            amount_fen=settlement.payable_fen,
        )
    return file


async def _divided(tx: AsyncSession, found: Sequence[Settlement]) -> tuple[Sequence[Settlement], Sequence[UUID]]:
    """The settlements that are paid, and the ids of those held because their provider has an unproven one.

    Raises:
        SettlementUnproven: none is paid.
    """
    unproven = await _unproven(tx, found)
    suspect = {settlement.provider_id for settlement in found if settlement.id in unproven}
    paid = [settlement for settlement in found if settlement.provider_id not in suspect]
    if not paid:
        raise _refusal(unproven)
    if unproven:
        SettlementUnproven.security.record(SettlementUnproven.code, settlement_ids=_named(unproven))
    return paid, [settlement.id for settlement in found if settlement.provider_id in suspect]


async def _prove(tx: AsyncSession, settlements: Sequence[Settlement]) -> None:
    """Refuse settlements that do not follow from their lines, or lines that do not follow from the ledger.

    Raises:
        SettlementUnproven
    """
    if unproven := await _unproven(tx, settlements):
        raise _refusal(unproven)


async def _unproven(tx: AsyncSession, settlements: Sequence[Settlement]) -> Collection[UUID]:
    """Those that do not follow from their lines and these from the ledger; the log names them."""
    ids = [settlement.id for settlement in settlements]
    of_settlements = text(f"{UNPROVEN_SETTLEMENTS} AND settlement.id = ANY(:ids)").bindparams(ids=ids)
    of_lines = text(f"{UNPROVEN_LINES} AND line.settlement_id = ANY(:ids)").bindparams(ids=ids)
    unproven = {row.id for row in await tx.execute(of_settlements)}
    unproven |= {row.settlement_id for row in await tx.execute(of_lines)}
    if unproven:
        log.error("settlement_unproven", settlement_ids=sorted(map(str, unproven)))
    return unproven


def _refusal(unproven: Collection[UUID]) -> SettlementUnproven:
    return SettlementUnproven(settlements=_named(unproven))


def _named(ids: Collection[UUID]) -> str:
    return ", ".join(sorted(map(str, ids)))


async def _number(tx: AsyncSession) -> str:
    """Numbered by the day in China with a running number; the caller holds the lock of all files."""
    day = f"{(await database_time(tx)).astimezone(CHINA):%Y%m%d}"
    of_day = select(func.count()).select_from(TransferFile).where(TransferFile.number.startswith(f"TF{day}"))
    return f"TF{day}{(await tx.scalar(of_day) or 0) + 1:04}"


async def _names(tx: AsyncSession, settlements: Sequence[Settlement]) -> dict[UUID, str]:
    ids = {settlement.provider_id for settlement in settlements}
    found = select(Provider.provider_id, Provider.name).where(Provider.provider_id.in_(ids))
    return {row.provider_id: row.name for row in await tx.execute(found)}


def _written(number: str, settlements: Sequence[Settlement], names: dict[UUID, str]) -> bytes:
    """The file: a line for each, then their number and sum, and the SHA-256 of all lines above."""
    rows = [_row(position, settlement, names) for position, settlement in enumerate(settlements, 1)]
    lines = csv_text([["批次号", number], COLUMNS, *rows])
    total = in_yuan(sum(settlement.payable_fen for settlement in settlements))
    checksum = hashlib.sha256(lines.encode()).hexdigest()
    return (lines + csv_text([["合计", len(settlements), total, checksum]])).encode()


def _row(position: int, settlement: Settlement, names: dict[UUID, str]) -> list[Cell]:
    name, amount = names[settlement.provider_id], in_yuan(settlement.payable_fen)
    day = settlement.day.isoformat()
    return [position, settlement.id.hex, day, settlement.provider_id.hex, name, amount, PURPOSE]


async def _lock(tx: AsyncSession, file_id: UUID) -> TransferFile:
    file = await tx.get(TransferFile, file_id, with_for_update=True, populate_existing=True)
    if file is None:
        raise NotFound
    return file


async def _settlements(tx: AsyncSession, file: TransferFile) -> Sequence[Settlement]:
    inside = select(Settlement).where(Settlement.transfer_file_id == file.id).order_by(Settlement.id)
    return (await tx.scalars(inside.with_for_update())).all()


def _confirmed(settlement: Settlement) -> SettlementConfirmed:
    return SettlementConfirmed(
        settlement_id=settlement.id,
        provider_id=settlement.provider_id,
        day=settlement.day,
        payable_fen=settlement.payable_fen,
    )
