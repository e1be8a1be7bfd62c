"""The service of bills and money: bill files, bills, payments, ledger, postings, receipts, tills."""

from fastapi import FastAPI

from chassis.service import create_service_app
from chassis.settings import load
from kit.dpop import prove_possession
from kit.ended.admission import refusing_ended
from kit.metrics import metrics
from kit.staff.standing import admitting
from kit.strict_requests import strict
from svc_payments.billing.bills.endpoints import router as bills
from svc_payments.billing.dues.endpoints import router as dues
from svc_payments.billing.files.endpoints import router as bill_files
from svc_payments.billing.inquiries.endpoints import router as bill_inquiries
from svc_payments.billing.payees.endpoints import router as payees
from svc_payments.billing.reminders.endpoints import router as reminders
from svc_payments.billing.terms.endpoints import router as payment_terms
from svc_payments.billing.uploads.endpoints import router as bill_file_uploads
from svc_payments.channels.endpoints import router as channels
from svc_payments.collection.app_orders.endpoints import router as app_orders
from svc_payments.collection.app_orders.resident_endpoints import router as my_app_orders
from svc_payments.collection.helpers.service import router as helpers
from svc_payments.collection.mandates.endpoints import router as mandates
from svc_payments.collection.notifications.endpoints import router as notifications
from svc_payments.collection.payments.endpoints import router as payments
from svc_payments.collection.postings.endpoints import router as postings
from svc_payments.collection.refunds.endpoints import router as refunds
from svc_payments.collection.top_ups.endpoints import router as top_ups
from svc_payments.documents.e_invoices.endpoints import router as e_invoices
from svc_payments.documents.exports.endpoints import router as payment_exports
from svc_payments.documents.insights.endpoints import router as spending
from svc_payments.documents.receipts.endpoints import router as receipts
from svc_payments.ledger.endpoints import router as ledger
from svc_payments.operations.dashboard.endpoints import router as figures
from svc_payments.operations.manual_actions.endpoints import router as manual_actions
from svc_payments.operations.my_data.endpoints import router as my_data
from svc_payments.operations.records.endpoints import router as payment_records
from svc_payments.operations.search.endpoints import router as search
from svc_payments.oversight.audit.endpoints import router as audit
from svc_payments.oversight.incidents.endpoints import router as incidents
from svc_payments.parties.providers.service import require_access
from svc_payments.reconciliation.discrepancies.endpoints import router as cases
from svc_payments.reconciliation.runs.endpoints import router as reconciliation
from svc_payments.reconciliation.statements.endpoints import router as statements
from svc_payments.settings import Settings
from svc_payments.settlement.endpoints import router as settlement
from svc_payments.tills.endpoints import router as tills
from svc_payments.tills.payout_proofs.endpoints import router as payout_proofs

ROUTERS = [
    notifications,  # matched first, because most requests on a bill day are for it
    app_orders,
    audit,
    my_app_orders,
    my_data,
    bill_file_uploads,
    bill_files,
    bill_inquiries,
    bills,
    cases,
    channels,
    dues,
    e_invoices,
    figures,
    helpers,
    incidents,
    ledger,
    mandates,
    manual_actions,
    metrics,
    payees,
    payment_exports,
    payment_records,
    payment_terms,
    payments,
    payout_proofs,
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
    title = "My Ili payments"
    admission = refusing_ended(admitting(require_access))
    app = create_service_app(
        settings or load(Settings), [strict(*ROUTERS)], title=title, version="1.2.0", admission=admission
    )
    prove_possession(app)
    return app
