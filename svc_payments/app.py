"""The service of bills and money: bill files, bills, payments, ledger, postings, receipts, tills."""

from fastapi import FastAPI

from chassis.service import create_service_app
from chassis.settings import load
from svc_payments.audit.endpoints import router as audit
from svc_payments.bill_file_uploads.endpoints import router as bill_file_uploads
from svc_payments.bill_files.endpoints import router as bill_files
from svc_payments.bill_inquiries.endpoints import router as bill_inquiries
from svc_payments.bills.endpoints import router as bills
from svc_payments.cases.endpoints import router as cases
from svc_payments.channels.endpoints import notices
from svc_payments.channels.endpoints import router as channels
from svc_payments.e_invoices.endpoints import router as e_invoices
from svc_payments.figures.endpoints import router as figures
from svc_payments.incidents.endpoints import router as incidents
from svc_payments.ledger.endpoints import router as ledger
from svc_payments.mandates.endpoints import router as mandates
from svc_payments.manual_actions.endpoints import router as manual_actions
from svc_payments.payment_exports.endpoints import router as payment_exports
from svc_payments.payment_records.endpoints import router as payment_records
from svc_payments.payment_terms.endpoints import router as payment_terms
from svc_payments.payments.endpoints import router as payments
from svc_payments.postings.endpoints import router as postings
from svc_payments.receipts.endpoints import router as receipts
from svc_payments.reconciliation.endpoints import router as reconciliation
from svc_payments.refunds.endpoints import router as refunds
from svc_payments.reminders.endpoints import router as reminders
from svc_payments.search.endpoints import router as search
from svc_payments.settings import Settings
from svc_payments.settlement.endpoints import router as settlement
from svc_payments.spending.endpoints import router as spending
from svc_payments.statements.endpoints import router as statements
from svc_payments.tills.endpoints import router as tills
from svc_payments.top_ups.endpoints import router as top_ups

ROUTERS = [
    notices,  # the first that a request is held against, because most are for it on a bill day
    audit,
    bill_file_uploads,
    bill_files,
    bill_inquiries,
    bills,
    cases,
    channels,
    e_invoices,
    figures,
    incidents,
    ledger,
    mandates,
    manual_actions,
    payment_exports,
    payment_records,
    payment_terms,
    payments,
    postings,
    receipts,
    reconciliation,
    refunds,
    reminders,
    search,
    settlement,
    spending,
    statements,
    tills,
    top_ups,
]


def create_app(settings: Settings | None = None) -> FastAPI:
    return create_service_app(settings or load(Settings), ROUTERS, title="My Ili payments", version="1.2.0")
