"""Sends e-invoices to the issuer, and reverses them after a refund.

A worker leases an invoice and commits, calls the issuer outside any transaction, and applies the result in another one
if the lease still holds. An earlier try may have arrived: the invoice is queried before it is sent again under the
same number.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.http_client import outside_client
from chassis.telemetry import log
from kit.leases import claimable, pause_after
from kit.signatures.keys import load_private_key
from svc_payments.documents.e_invoices import service
from svc_payments.documents.e_invoices.models import EInvoice, EInvoiceStatus
from svc_payments.documents.e_invoices.provider import (
    ISSUER,
    Absent,
    HttpInvoiceIssuer,
    InvoiceIssuer,
    InvoiceOrder,
    Issued,
    NotHeard,
    Outcome,
    RedLettered,
    Refused,
)
from svc_payments.parties.providers.models import Provider
from svc_payments.settings import Settings

_OPEN = (EInvoiceStatus.REQUESTED, EInvoiceStatus.UNKNOWN, EInvoiceStatus.REVERSING)
_AT_ONCE = 8
_CALLS_IN_A_TRY = 2
_SLACK_SECONDS = 5.0


@dataclass(frozen=True)
class Try:
    """One worker's turn at an invoice."""

    invoice: EInvoice
    order: InvoiceOrder
    number: int
    before: EInvoiceStatus
    """Its status when it was leased."""


async def issue_due(database: Database, settings: Settings) -> None:
    """Send everything that is due to the issuer, if one is configured."""
    if settings.invoices_url is None:
        return
    key = load_private_key(settings.merchant_key.get_secret_value())
    async with outside_client() as client:
        issuer = HttpInvoiceIssuer(
            client, settings.invoices_url, ISSUER, key, settings.invoices_timeout_seconds, only_public=False
        )
        while await work_off(database, settings, issuer):
            pass


async def work_off(database: Database, settings: Settings, issuer: InvoiceIssuer) -> int:
    """Send the next few to the issuer. Returns how many were leased."""
    lease = timedelta(seconds=_CALLS_IN_A_TRY * settings.invoices_timeout_seconds + _SLACK_SECONDS)
    async with database.transaction() as tx:
        tries = await _lease_due(tx, lease)
    await asyncio.gather(*(_deliver(database, settings, issuer, each) for each in tries))
    return len(tries)


async def _lease_due(tx: AsyncSession, lease: timedelta) -> Sequence[Try]:
    due = select(EInvoice).where(EInvoice.status.in_(_OPEN), EInvoice.try_at <= func.now())
    invoices = (await tx.scalars(claimable(due, EInvoice.try_at, limit=_AT_ONCE))).all()
    ids = {invoice.provider_id for invoice in invoices}
    found = await tx.scalars(select(Provider).where(Provider.provider_id.in_(ids)))
    names = {provider.provider_id: provider.name for provider in found}
    tries = []
    for invoice in invoices:
        before = EInvoiceStatus(invoice.status)
        if before == EInvoiceStatus.REQUESTED:
            invoice.move_to(EInvoiceStatus.UNKNOWN)
        order = _order(invoice, names.get(invoice.provider_id, ""))
        tries.append(Try(invoice, order, invoice.lease(lease), before))
    await tx.flush()
    return tries


def _order(invoice: EInvoice, provider_name: str) -> InvoiceOrder:
    return InvoiceOrder(
        number=invoice.id.hex,
        provider_id=invoice.provider_id,
        provider_name=provider_name,
        amount_fen=invoice.amount_fen,
        title_kind=invoice.title_kind,
        title=invoice.title,
        uscc=invoice.uscc,
        email=invoice.email,
    )


async def _deliver(database: Database, settings: Settings, issuer: InvoiceIssuer, each: Try) -> None:
    try:
        outcome = await _call(issuer, each)
        pause = pause_after(settings.invoice_retry_seconds, each.number - 1)
        async with database.transaction() as tx:
            await _apply_outcome(tx, each, outcome, pause)
    except Exception as error:  # noqa: BLE001 - its lease runs out and its turn comes again; the others go on
        log.error("issuing_failed", e_invoice_id=str(each.invoice.id), exc_info=error)


async def _call(issuer: InvoiceIssuer, each: Try) -> Outcome:
    if each.before == EInvoiceStatus.REVERSING:
        return await issuer.reverse(each.order.number)
    if each.before == EInvoiceStatus.UNKNOWN:
        outcome = await issuer.query(each.order.number)
        if not isinstance(outcome, Absent):
            return outcome
    return await issuer.issue(each.order)


async def _apply_outcome(tx: AsyncSession, each: Try, outcome: Outcome, pause: timedelta) -> None:
    query = select(EInvoice).where(
        EInvoice.id == each.invoice.id, EInvoice.status == each.invoice.status, EInvoice.tries == each.number
    )
    invoice = await tx.scalar(query.with_for_update().execution_options(populate_existing=True))
    if invoice is None:
        log.warning("issuing_result_too_late", e_invoice_id=str(each.invoice.id))
        return
    match outcome:
        case Issued() if invoice.status == EInvoiceStatus.UNKNOWN:
            await service.settle(tx, invoice, outcome)
        case RedLettered(red_invoice_number=number) if invoice.status == EInvoiceStatus.REVERSING:
            await service.red_letter(tx, invoice, number)
        case Refused(reason=reason) if invoice.status == EInvoiceStatus.UNKNOWN:
            await service.fail(tx, invoice, reason)
        case _:
            await _try_again(tx, invoice, each, outcome, pause)


async def _try_again(tx: AsyncSession, invoice: EInvoice, each: Try, outcome: Outcome, pause: timedelta) -> None:
    # What an earlier try left unknown does not become known by this one not getting through.
    if isinstance(outcome, NotHeard) and each.before == EInvoiceStatus.REQUESTED:
        invoice.move_to(EInvoiceStatus.REQUESTED)
    invoice.try_at = func.now() + pause
    await tx.flush()
    log.warning(
        "e_invoice_not_settled", e_invoice_id=str(invoice.id), tries=each.number, outcome=type(outcome).__name__
    )
