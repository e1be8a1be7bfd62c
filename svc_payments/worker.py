"""The second process: publishes events, polls channels, sends postings to providers, releases unconfirmed bills."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.service import Every, Worker, run_worker
from chassis.settings import load
from kit.audit.anchoring import PAUSE_SECONDS
from kit.changed_days import HANDLERS as CALENDAR_HANDLERS
from kit.ended.consumers import HANDLERS as ENDED_HANDLERS
from kit.ended.consumers import forget_expired
from kit.evidence.retention import EVERY_SECONDS, carry_out
from kit.staff.consumers import handlers as staff_roles
from svc_payments.billing.application_fees.events import APPLICATION_FEE_EVENTS
from svc_payments.billing.bills.changes import expire_overdue
from svc_payments.billing.bills.events import BILL_EVENTS
from svc_payments.billing.bills.partitions import ensure_partitions
from svc_payments.billing.files.events import BillFileIngested
from svc_payments.billing.reminders.events import ReminderRaised
from svc_payments.billing.reminders.service import raise_reminders
from svc_payments.billing.terms.events import PaymentTermsPublished
from svc_payments.billing.terms.stated import propose_stated
from svc_payments.billing.uploads.worker import finish_left, forget_old
from svc_payments.collection.app_orders.closing import expire_due as expire_orders
from svc_payments.collection.app_orders.closing import keep_closing
from svc_payments.collection.application_fees.consumers import HANDLERS as APPLICATION_FEE_HANDLERS
from svc_payments.collection.application_fees.service import return_due
from svc_payments.collection.arrears.consumers import HANDLERS as ARREARS_HANDLERS
from svc_payments.collection.arrears.events import ArrearsChanged
from svc_payments.collection.arrears.service import follow as follow_arrears
from svc_payments.collection.closures.consumers import HANDLERS as CLOSURE_HANDLERS
from svc_payments.collection.data_reads.events import DATA_READ_EVENTS
from svc_payments.collection.mandates import service as mandates
from svc_payments.collection.mandates.events import MANDATE_EVENTS
from svc_payments.collection.mandates.worker import keep_mandates
from svc_payments.collection.notifications.service import forget_nonces
from svc_payments.collection.payments.events import PAYMENT_EVENTS
from svc_payments.collection.payments.orders import keep_asking
from svc_payments.collection.payments.service import expire_one
from svc_payments.collection.postings.card_writes import Cards
from svc_payments.collection.postings.delivery import Delivery
from svc_payments.collection.refunds.events import REFUND_EVENTS
from svc_payments.collection.refunds.superseded import close_superseded
from svc_payments.collection.refunds.worker import keep_refunding
from svc_payments.collection.top_ups.service import forget_validations
from svc_payments.documents.e_invoices.consumers import HANDLERS as E_INVOICE_HANDLERS
from svc_payments.documents.e_invoices.events import E_INVOICE_EVENTS
from svc_payments.documents.e_invoices.worker import issue_due
from svc_payments.ledger.anchors import anchoring
from svc_payments.ledger.events import LedgerAnchored
from svc_payments.operations.dashboard.metrics import measure, measure_books
from svc_payments.parties.accounts.consumers import handlers as account_handlers
from svc_payments.parties.mini_apps.consumers import HANDLERS as MINI_APP_HANDLERS
from svc_payments.parties.providers.consumers import handlers as provider_handlers
from svc_payments.parties.tariff_plans.consumers import HANDLERS as TARIFF_PLAN_HANDLERS
from svc_payments.reconciliation.discrepancies.events import DISCREPANCY_EVENTS
from svc_payments.reconciliation.runs.events import ReconciliationFinished
from svc_payments.reconciliation.runs.worker import work_off
from svc_payments.reconciliation.statements.downloads import fetch_missing
from svc_payments.retention import RETENTION
from svc_payments.settings import WorkerSettings
from svc_payments.settlement.events import SETTLEMENT_EVENTS
from svc_payments.settlement.service import close_due
from svc_payments.tills.events import TILL_SESSION_EVENTS

_HOUR = 3_600.0


def make_worker(settings: WorkerSettings) -> Worker:
    return Worker(
        settings,
        publishes=[
            BillFileIngested,
            *BILL_EVENTS,
            *APPLICATION_FEE_EVENTS,
            ArrearsChanged,
            LedgerAnchored,
            PaymentTermsPublished,
            ReconciliationFinished,
            ReminderRaised,
            *DISCREPANCY_EVENTS,
            *MANDATE_EVENTS,
            *E_INVOICE_EVENTS,
            *PAYMENT_EVENTS,
            *DATA_READ_EVENTS,
            *REFUND_EVENTS,
            *SETTLEMENT_EVENTS,
            *TILL_SESSION_EVENTS,
        ],
        handles=[
            *provider_handlers(propose_stated),
            *TARIFF_PLAN_HANDLERS,
            *MINI_APP_HANDLERS,
            *account_handlers(mandates.binding_ended),
            *E_INVOICE_HANDLERS,
            *CLOSURE_HANDLERS,
            *APPLICATION_FEE_HANDLERS,
            *ARREARS_HANDLERS,
            *staff_roles(settings.cooling_off_hours),
            *CALENDAR_HANDLERS,
            *ENDED_HANDLERS,
        ],
        schedules=partial(make_schedules, settings),
    )


def make_schedules(settings: WorkerSettings, database: Database) -> Sequence[Every]:
    return [
        # These run without end, and are restarted when they fail.
        Every(1.0, partial(keep_asking, database, settings)),
        Every(1.0, partial(keep_refunding, database, settings)),
        Every(1.0, Delivery(database, settings).run),
        Every(1.0, partial(keep_mandates, database, settings)),
        Every(1.0, partial(keep_closing, database, settings)),
        # These run at their intervals.
        Every(1.0, partial(_until_done, database, expire_one)),
        Every(1.0, partial(expire_orders, database)),
        Every(60.0, partial(_in_a_transaction, database, forget_nonces)),
        Every(60.0, partial(forget_expired, database)),
        Every(_HOUR, partial(_in_a_transaction, database, forget_validations)),
        Every(2.0, partial(return_due, database)),
        Every(5.0, partial(close_superseded, database)),
        Every(5.0, partial(follow_arrears, database)),
        Every(5.0, Cards(database, settings).ask_all_due),
        Every(_HOUR, partial(_in_a_transaction, database, ensure_partitions)),
        Every(2.0, partial(issue_due, database, settings)),
        Every(60.0, partial(raise_reminders, database, settings)),
        # Each turn looks at all bills whose last day was in the last weeks, paid ones too.
        Every(_HOUR, partial(_until_done, database, expire_overdue)),
        Every(10.0, partial(finish_left, database)),
        Every(EVERY_SECONDS, partial(carry_out, database, RETENTION)),
        Every(60.0, partial(forget_old, database, settings)),
        Every(15.0, partial(measure, database)),
        Every(300.0, partial(measure_books, database, settings)),
        Every(1.0, partial(work_off, database, settings)),
        Every(600.0, partial(fetch_missing, database, settings)),
        Every(600.0, partial(close_due, database, settings)),
        Every(
            PAUSE_SECONDS,
            partial(anchoring(settings.ledger_anchors, settings.anchor_key).anchor_when_due, database),
        ),
    ]


async def _until_done(database: Database, work: Callable[[AsyncSession], Awaitable[int]]) -> None:
    """Work in batches, one transaction each, until nothing is left."""
    more = 1
    while more:
        async with database.transaction() as tx:
            more = await work(tx)


async def _in_a_transaction(database: Database, work: Callable[[AsyncSession], Awaitable[object]]) -> None:
    async with database.transaction() as tx:
        await work(tx)


if __name__ == "__main__":
    run_worker(make_worker(load(WorkerSettings)), sys.argv[1:])
