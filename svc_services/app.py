"""The service of public utilities: catalogue, providers, tariffs, account bindings."""

from fastapi import FastAPI

from chassis.service import create_service_app
from chassis.settings import load
from kit.conformance.probe import Prober
from kit.dpop import prove_possession
from kit.ended.admission import refusing_ended
from kit.endpoint_urls import Endpoints
from kit.kept_answers import KeptAnswers
from kit.metrics import metrics
from kit.signatures.keys import load_private_key, public_jwks
from kit.staff.standing import admitting
from kit.strict_requests import strict
from svc_services.accounts.bindings.endpoints import router as account_bindings
from svc_services.accounts.bindings.provider import HttpAccountVerifier
from svc_services.accounts.holder_changes.endpoints import router as holder_changes
from svc_services.accounts.invitations.endpoints import router as account_invitations
from svc_services.accounts.my_data.endpoints import router as my_data
from svc_services.accounts.ordered_ends.endpoints import router as binding_ends
from svc_services.accounts.premises.endpoints import router as account_premises
from svc_services.accounts.proofs.endpoints import router as binding_proofs
from svc_services.accounts.readings.endpoints import router as meter_readings
from svc_services.calendar.changes.endpoints import router as calendar_changes
from svc_services.calendar.days.endpoints import router as calendars
from svc_services.cases.account_clashes.endpoints import router as account_clashes
from svc_services.cases.applications.endpoints import router as applications
from svc_services.cases.applications.own_records import of_person as own_applications
from svc_services.cases.assignments.endpoints import router as assignments
from svc_services.cases.case_migrations.endpoints import router as case_migrations
from svc_services.cases.counter.confirmation_endpoints import router as counter_confirmations
from svc_services.cases.counter.endpoints import router as counter_filings
from svc_services.cases.counter.own_records import of_person as own_counter_filings
from svc_services.cases.extensions.endpoints import router as extensions
from svc_services.cases.joint.endpoints import router as joint_applications
from svc_services.cases.joint.own_records import of_person as own_joint_applications
from svc_services.cases.joint.queue_endpoints import router as joint_queue
from svc_services.cases.joint.received_endpoints import router as received_joint_applications
from svc_services.cases.materials.case_endpoints import router as case_materials
from svc_services.cases.materials.counter_endpoints import router as counter_materials
from svc_services.cases.materials.endpoints import router as materials
from svc_services.cases.materials.own_records import of_person as own_materials
from svc_services.cases.materials.reading_endpoints import router as meter_photos
from svc_services.cases.materials.reading_endpoints import use_photo
from svc_services.cases.papers.endpoints import router as papers
from svc_services.cases.queue.endpoints import router as application_queue
from svc_services.cases.received.endpoints import router as received_applications
from svc_services.cases.routings.endpoints import router as routings
from svc_services.cases.workflows.endpoints import router as workflows
from svc_services.cases.workflows.limits import workflow_of
from svc_services.catalogue.estimates.endpoints import router as estimates
from svc_services.catalogue.service_items.endpoints import router as service_items
from svc_services.catalogue.tariff_plans.endpoints import router as tariff_plans
from svc_services.catalogue.tariffs.endpoints import router as tariffs
from svc_services.providers.applications.endpoints import router as providers
from svc_services.providers.applications.provider import HttpLegalEntityRegistry
from svc_services.providers.conformance.endpoints import router as conformance
from svc_services.providers.conformance.own_endpoints import router as own_conformance
from svc_services.providers.connections.endpoint_probe import PROBE_SECONDS
from svc_services.providers.connections.endpoints import router as connections
from svc_services.providers.connections.queries import require_access
from svc_services.providers.corrections.endpoints import router as corrections
from svc_services.providers.deliveries.endpoints import router as deliveries
from svc_services.providers.deliveries.own_endpoints import router as own_deliveries
from svc_services.providers.key_expiry.endpoints import router as key_expiry
from svc_services.providers.own_company.endpoints import router as own_company
from svc_services.providers.signing_keys.endpoints import router as signing_keys
from svc_services.reference.endpoints import router as catalogue
from svc_services.settings import Settings
from svc_services.supervision.complaints.endpoints import router as complaints
from svc_services.supervision.complaints.material_endpoints import router as complaint_materials
from svc_services.supervision.complaints.own_records import of_person as own_complaints
from svc_services.supervision.complaints.received_endpoints import router as received_complaints
from svc_services.supervision.hotline.endpoints import router as hotline
from svc_services.supervision.late_cases.endpoints import router as late_cases
from svc_services.supervision.league.endpoints import router as league
from svc_services.supervision.orders.endpoints import router as supervision_orders
from svc_services.supervision.ratings.endpoints import router as ratings
from svc_services.supervision.ratings.own_records import of_person as own_ratings
from svc_services.supervision.rectifications.endpoints import router as rectifications
from svc_services.supply.arrears.endpoints import router as arrears
from svc_services.supply.outages.endpoints import router as outages


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or load(Settings)
    app = create_service_app(
        settings,
        [
            strict(
                *(metrics, catalogue, providers, connections, key_expiry, tariffs, account_bindings, holder_changes),
                *(signing_keys, my_data, tariff_plans, estimates, workflows, own_company),
                *(applications, application_queue, received_applications, materials, case_materials, papers),
                *(case_migrations, joint_applications, joint_queue, received_joint_applications),
                *(counter_filings, counter_materials, counter_confirmations, routings, assignments, extensions),
                *(conformance, own_conformance, service_items, corrections, deliveries, own_deliveries),
                *(account_invitations, meter_readings, binding_proofs, binding_ends, account_clashes),
                *(calendars, calendar_changes, late_cases, supervision_orders, ratings, rectifications, league),
                *(complaints, received_complaints, complaint_materials, hotline, meter_photos),
                *(account_premises, outages, arrears),
            ),
        ],
        title="My Ili public utilities",
        version="1.2.0",
        admission=refusing_ended(admitting(require_access)),
    )
    prove_possession(app)
    app.add_middleware(KeptAnswers)
    key = load_private_key(settings.provider_signing_key.get_secret_value())
    app.state.signing_keys = public_jwks([key.public_key()])
    app.state.endpoints = Endpoints(anywhere=settings.provider_endpoints == "any")
    app.state.prober = Prober(key, app.state.endpoints.target, seconds=PROBE_SECONDS)
    app.state.workflow_of, app.state.use_photo = workflow_of, use_photo
    of_cases = (own_applications, own_joint_applications, own_materials, own_counter_filings)
    app.state.own_records = (*of_cases, own_ratings, own_complaints)
    app.state.registry = HttpLegalEntityRegistry(settings.registries_url)
    app.state.account_verifier = HttpAccountVerifier(key, app.state.endpoints)
    return app
