"""The second process: events, roles of staff, abandoned bindings, holder changes that are due, anchors of the trail."""

import sys
from collections.abc import Sequence
from functools import partial

from chassis.db import Database
from chassis.service import Every, Worker, run_worker
from chassis.settings import load
from kit.audit.anchoring import PAUSE_SECONDS, Anchoring
from kit.ended.consumers import HANDLERS as ENDED_HANDLERS
from kit.ended.consumers import forget_expired
from kit.staff.consumers import handlers as staff_roles
from svc_services.accounts.bindings.consumers import HANDLERS as BINDING_HANDLERS
from svc_services.accounts.bindings.events import AccountBindingActivated, AccountBindingEnded
from svc_services.accounts.bindings.service import forget_expired_attestations, give_up_abandoned
from svc_services.accounts.holder_changes.service import carry_out_due
from svc_services.cases.applications.consumers import HANDLERS as APPLICATION_HANDLERS
from svc_services.cases.applications.events import ApplicationFlagged, ApplicationMoved
from svc_services.cases.applications.worker import note_due
from svc_services.cases.fees.consumers import HANDLERS as FEE_HANDLERS
from svc_services.cases.fees.events import ApplicationFeeQuoted, ApplicationFeeWithdrawn
from svc_services.catalogue.tariff_plans.events import TariffPlanPublished, TariffPlanWithdrawn
from svc_services.catalogue.tariffs.events import TariffPublished, TariffWithdrawn
from svc_services.endpoint_urls import Endpoints
from svc_services.providers.applications.events import ProviderApproved
from svc_services.providers.applications.limits import forget_attempts
from svc_services.providers.applications.service import expire_unproved
from svc_services.providers.connections.events import CONNECTION_EVENTS
from svc_services.providers.connections.service import forget_used_proofs
from svc_services.providers.key_expiry.events import ProviderKeyExpiring
from svc_services.providers.key_expiry.service import warn as warn_of_expiring_keys
from svc_services.providers.key_sources.consumers import HANDLERS as KEY_SOURCE_HANDLERS
from svc_services.providers.key_sources.provider import HttpKeySource
from svc_services.providers.key_sources.service import fetch_due
from svc_services.providers.organisations.consumers import HANDLERS as ORGANISATION_HANDLERS
from svc_services.providers.own_company.consumers import HANDLERS as COMPANY_HANDLERS
from svc_services.settings import WorkerSettings
from svc_services.trail import TRAIL

PUBLISHES = (
    ProviderApproved,
    *CONNECTION_EVENTS,
    ProviderKeyExpiring,
    TariffPublished,
    TariffWithdrawn,
    TariffPlanPublished,
    TariffPlanWithdrawn,
    AccountBindingActivated,
    AccountBindingEnded,
    ApplicationMoved,
    ApplicationFlagged,
    ApplicationFeeQuoted,
    ApplicationFeeWithdrawn,
)


def make_schedules(settings: WorkerSettings, database: Database) -> Sequence[Every]:
    endpoints = Endpoints(anywhere=settings.provider_endpoints == "any")
    anchoring = Anchoring(TRAIL, settings.anchors, settings.anchor_key)
    return [
        Every(2, partial(fetch_due, database, HttpKeySource(endpoints))),
        Every(15, partial(give_up_abandoned, database)),
        Every(60, partial(carry_out_due, database)),
        Every(60, partial(note_due, database)),
        Every(60, partial(forget_expired, database)),
        Every(3600, partial(forget_expired_attestations, database)),
        Every(3600, partial(forget_used_proofs, database)),
        Every(3600, partial(forget_attempts, database)),
        Every(3600, partial(expire_unproved, database, settings.application_days)),
        Every(3600, partial(warn_of_expiring_keys, database)),
        Every(PAUSE_SECONDS, partial(anchoring.anchor_when_due, database)),
    ]


def make_worker(settings: WorkerSettings) -> Worker:
    access = [*staff_roles(settings.cooling_off_hours), *ENDED_HANDLERS]
    handles = [
        *access,
        *BINDING_HANDLERS,
        *KEY_SOURCE_HANDLERS,
        *ORGANISATION_HANDLERS,
        *COMPANY_HANDLERS,
        *FEE_HANDLERS,
    ]
    handles += APPLICATION_HANDLERS  # last: it takes the place of that of the bindings
    return Worker(settings, publishes=PUBLISHES, handles=handles, schedules=partial(make_schedules, settings))


if __name__ == "__main__":
    run_worker(make_worker(load(WorkerSettings)), sys.argv[1:])
