"""The second process: events, roles of staff, conformance runs, deliveries, bindings, holder changes, anchors."""

import sys
from collections.abc import Sequence
from functools import partial

from chassis.db import Database
from chassis.service import Every, Worker, run_worker
from chassis.settings import load
from chassis.telemetry import log
from kit.audit.anchoring import PAUSE_SECONDS, Anchoring
from kit.conformance.probe import Prober
from kit.ended.consumers import HANDLERS as ENDED_HANDLERS
from kit.ended.consumers import forget_expired
from kit.endpoint_urls import Endpoints
from kit.evidence.retention import EVERY_SECONDS, carry_out
from kit.objects import opened
from kit.scanning import scanner_at
from kit.signatures.keys import load_private_key
from kit.staff.consumers import handlers as staff_roles
from svc_services.accounts.bindings.consumers import HANDLERS as BINDING_HANDLERS
from svc_services.accounts.bindings.ends import end_timed
from svc_services.accounts.bindings.events import AccountBindingActivated, AccountBindingEnded, AccountBindingProofDue
from svc_services.accounts.bindings.service import forget_expired_attestations, give_up_abandoned
from svc_services.accounts.holder_changes.service import carry_out_due
from svc_services.accounts.premises.service import forget_unbound
from svc_services.accounts.proofs.service import ask_by_age, end_unproved
from svc_services.calendar.changes.events import CalendarChanged
from svc_services.cases.applications.consumers import HANDLERS as APPLICATION_HANDLERS
from svc_services.cases.applications.events import ApplicationFlagged, ApplicationMoved
from svc_services.cases.applications.worker import note_due, recount_changed
from svc_services.cases.counter.service import forget_unfiled
from svc_services.cases.data_reads.events import DATA_READ_EVENTS
from svc_services.cases.fees.consumers import HANDLERS as FEE_HANDLERS
from svc_services.cases.fees.events import ApplicationFeeQuoted, ApplicationFeeWithdrawn
from svc_services.cases.joint.events import JOINT_EVENTS
from svc_services.cases.joint.survey import give_up_due as give_up_searches
from svc_services.cases.materials import worker as materials
from svc_services.cases.papers.service import forget_checks
from svc_services.catalogue.service_items.events import ServiceItemPublished, ServiceItemWithdrawn
from svc_services.catalogue.tariff_plans.events import TariffPlanPublished, TariffPlanWithdrawn
from svc_services.catalogue.tariffs.events import TariffPublished, TariffWithdrawn
from svc_services.providers.applications.events import ProviderApproved
from svc_services.providers.applications.limits import forget_attempts
from svc_services.providers.applications.service import expire_unproved
from svc_services.providers.conformance.worker import run_due
from svc_services.providers.connections.events import CONNECTION_EVENTS
from svc_services.providers.connections.service import forget_used_proofs
from svc_services.providers.deliveries.events import DELIVERY_EVENTS
from svc_services.providers.deliveries.sender import Sender
from svc_services.providers.deliveries.service import give_up_due
from svc_services.providers.key_expiry.events import ProviderKeyExpiring
from svc_services.providers.key_expiry.service import warn as warn_of_expiring_keys
from svc_services.providers.key_sources.consumers import HANDLERS as KEY_SOURCE_HANDLERS
from svc_services.providers.key_sources.provider import HttpKeySource
from svc_services.providers.key_sources.service import fetch_due
from svc_services.providers.organisations.consumers import HANDLERS as ORGANISATION_HANDLERS
from svc_services.providers.own_company.consumers import HANDLERS as COMPANY_HANDLERS
from svc_services.retention import RETENTION
from svc_services.settings import WorkerSettings
from svc_services.supervision.complaints.consumers import HANDLERS as COMPLAINT_HANDLERS
from svc_services.supervision.complaints.events import ComplaintMoved
from svc_services.supervision.complaints.worker import close_unanswered, note_late
from svc_services.supervision.hotline.provider import OFF, HttpHotline
from svc_services.supervision.hotline.worker import tell_due
from svc_services.supervision.orders.events import SupervisionOrderMoved
from svc_services.supervision.ratings.consumers import HANDLERS as RATING_HANDLERS
from svc_services.supervision.ratings.events import RatingRequested
from svc_services.supervision.rectifications.events import RectificationMoved
from svc_services.supervision.worker import note_overdue
from svc_services.supply.arrears.consumers import HANDLERS as ARREARS_HANDLERS
from svc_services.supply.arrears.events import ArrearsNoticeMoved, CutOffAsked
from svc_services.supply.outages.events import OutageNotified
from svc_services.supply.outages.worker import notify
from svc_services.trail import TRAIL

PUBLISHES = (
    ProviderApproved,
    *CONNECTION_EVENTS,
    ProviderKeyExpiring,
    *DELIVERY_EVENTS,
    TariffPublished,
    TariffWithdrawn,
    TariffPlanPublished,
    TariffPlanWithdrawn,
    ServiceItemPublished,
    ServiceItemWithdrawn,
    AccountBindingActivated,
    AccountBindingEnded,
    AccountBindingProofDue,
    ApplicationMoved,
    ApplicationFlagged,
    *JOINT_EVENTS,
    *DATA_READ_EVENTS,
    CalendarChanged,
    SupervisionOrderMoved,
    RatingRequested,
    RectificationMoved,
    ComplaintMoved,
    ApplicationFeeQuoted,
    ApplicationFeeWithdrawn,
    OutageNotified,
    ArrearsNoticeMoved,
    CutOffAsked,
)


def make_schedules(settings: WorkerSettings, database: Database) -> Sequence[Every]:
    endpoints = Endpoints(anywhere=settings.provider_endpoints == "any")
    key = load_private_key(settings.provider_signing_key.get_secret_value())
    prober = Prober(key, endpoints.target)
    anchoring = Anchoring(TRAIL, settings.anchors, settings.anchor_key)
    return [
        Every(2, partial(fetch_due, database, HttpKeySource(endpoints))),
        Every(2, partial(run_due, database, prober)),
        Every(1, Sender(database, key, endpoints).run),
        Every(60, partial(give_up_due, database)),
        Every(15, partial(give_up_abandoned, database)),
        Every(60, partial(carry_out_due, database)),
        Every(60, partial(end_timed, database)),
        Every(60, partial(end_unproved, database)),
        Every(3600, partial(ask_by_age, database, settings.binding_proof_months)),
        Every(60, partial(note_due, database)),
        Every(15, partial(recount_changed, database)),
        Every(60, partial(give_up_searches, database)),
        Every(2, partial(notify, database)),
        Every(3600, partial(forget_unbound, database)),
        Every(60, partial(note_overdue, database)),
        Every(60, partial(note_late, database)),
        Every(60, partial(close_unanswered, database)),
        *_hotline_schedules(settings, database),
        Every(60, partial(forget_expired, database)),
        Every(3600, partial(forget_expired_attestations, database)),
        Every(3600, partial(forget_used_proofs, database)),
        Every(3600, partial(forget_attempts, database)),
        Every(3600, partial(expire_unproved, database, settings.application_days)),
        Every(3600, partial(warn_of_expiring_keys, database)),
        Every(EVERY_SECONDS, partial(carry_out, database, RETENTION)),
        Every(3600, partial(forget_checks, database)),
        Every(600, partial(forget_unfiled, database)),
        *_material_schedules(settings, database),
        Every(PAUSE_SECONDS, partial(anchoring.anchor_when_due, database)),
    ]


def _hotline_schedules(settings: WorkerSettings, database: Database) -> Sequence[Every]:
    if settings.hotline_url == OFF:
        log.warning("hotline_off", consequence="complaints are not handed to the 12345 hotline")
        return []
    hotline = HttpHotline(settings.hotline_url, load_private_key(settings.provider_signing_key.get_secret_value()))
    return [Every(5, partial(tell_due, database, hotline))]


def _material_schedules(settings: WorkerSettings, database: Database) -> Sequence[Every]:
    store, scanner = opened(settings.materials), scanner_at(settings.material_scanner)
    schedules = [
        Every(10, partial(materials.finish_left, database, store)),
        Every(60, partial(materials.remove_objects, database, store)),
        Every(3600, partial(materials.forget_old, database)),
    ]
    if scanner is None:
        log.warning("material_scanner_off", consequence="materials are not scanned for malware")
        return schedules
    return [*schedules, Every(5, partial(materials.scan_due, database, store, scanner))]


def make_worker(settings: WorkerSettings) -> Worker:
    access = [*staff_roles(settings.cooling_off_hours), *ENDED_HANDLERS]
    handles = [
        *access,
        *BINDING_HANDLERS,
        *KEY_SOURCE_HANDLERS,
        *ORGANISATION_HANDLERS,
        *COMPANY_HANDLERS,
        *FEE_HANDLERS,
        *ARREARS_HANDLERS,
    ]
    # Last: the later takes the place of the earlier.
    handles += [*APPLICATION_HANDLERS, *RATING_HANDLERS, *COMPLAINT_HANDLERS]
    return Worker(settings, publishes=PUBLISHES, handles=handles, schedules=partial(make_schedules, settings))


if __name__ == "__main__":
    run_worker(make_worker(load(WorkerSettings)), sys.argv[1:])
