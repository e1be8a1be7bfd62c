"""The second process: events, roles of staff, packages that no upload finished, retention, anchors of the trail."""

import sys
from collections.abc import Sequence
from functools import partial

from chassis.db import Database
from chassis.outbox import Event
from chassis.service import Every, Worker, run_worker
from chassis.settings import load
from kit.audit.anchoring import PAUSE_SECONDS, Anchoring
from kit.deliveries import Carrier
from kit.ended.consumers import HANDLERS as ENDED_HANDLERS
from kit.ended.consumers import forget_expired
from kit.endpoint_urls import Endpoints
from kit.evidence.retention import EVERY_SECONDS, carry_out
from kit.signatures.keys import load_private_key
from kit.staff.consumers import handlers as staff_roles
from svc_miniapps.apps.events import AppRegistered
from svc_miniapps.catalogue.deltas.worker import make_deltas
from svc_miniapps.closure import HANDLERS as CLOSURE
from svc_miniapps.insights.figures.worker import count_days
from svc_miniapps.insights.ratings.events import AppRatingHidden
from svc_miniapps.packages.objects import sweep
from svc_miniapps.packages.statements import signer_of
from svc_miniapps.packages.store import opened
from svc_miniapps.publishing.clients.events import AppClientChanged
from svc_miniapps.publishing.complaints.service import escalate_late
from svc_miniapps.publishing.domains.worker import check_due
from svc_miniapps.publishing.gray.steps import withdraw_overdue
from svc_miniapps.publishing.handovers.events import AppHandedOver
from svc_miniapps.publishing.releases.events import (
    ReleaseApproved,
    ReleaseGrayChanged,
    ReleaseGrayWithdrawn,
    ReleasePublished,
    ReleaseRejected,
    ReleaseSubmitted,
)
from svc_miniapps.publishing.reviews.consumers import HANDLERS as CALENDAR
from svc_miniapps.publishing.shutdowns.service import end_due
from svc_miniapps.publishing.signatures.service import sign_missing
from svc_miniapps.publishing.take_downs.events import AppRestored, AppTakenDown
from svc_miniapps.publishing.take_downs.service import lapse_unconfirmed
from svc_miniapps.publishing.uploads.resumable import finish_received, forget_old
from svc_miniapps.retention import RETENTION
from svc_miniapps.runtime.messages.events import MessageSent
from svc_miniapps.runtime.subscriptions.consumers import HANDLERS as SUBSCRIPTIONS
from svc_miniapps.settings import WorkerSettings
from svc_miniapps.teams.webhooks.sender import Sender
from svc_miniapps.teams.webhooks.service import give_up_due
from svc_miniapps.trail import TRAIL

SWEEP_SECONDS = 3600.0
DELTA_SECONDS = 20.0
DOMAIN_SECONDS = 2.0
SIGN_SECONDS = 60.0
_ANSWER_SECONDS = 10.0


def make_schedules(settings: WorkerSettings, database: Database) -> Sequence[Every]:
    anchoring = Anchoring(TRAIL, settings.anchors, settings.anchor_key)
    key = load_private_key(settings.provider_signing_key.get_secret_value())
    carrier = Carrier(key, Endpoints(anywhere=settings.provider_endpoints == "any"), _ANSWER_SECONDS)
    return [
        Every(1.0, Sender(database, carrier).run),
        Every(60.0, partial(give_up_due, database)),
        Every(SWEEP_SECONDS, partial(_sweep_packages, settings, database)),
        Every(60.0, partial(_finish_received, settings, database)),
        Every(DELTA_SECONDS, partial(_make_deltas, settings, database)),
        Every(SIGN_SECONDS, partial(sign_missing, database, signer_of(settings))),
        Every(DOMAIN_SECONDS, partial(_check_domains, settings, database)),
        Every(60.0, partial(forget_expired, database)),
        Every(SWEEP_SECONDS, partial(forget_old, database)),
        Every(60.0, partial(withdraw_overdue, database)),
        Every(60.0, partial(lapse_unconfirmed, database)),
        Every(60.0, partial(count_days, database)),
        Every(EVERY_SECONDS, partial(carry_out, database, RETENTION)),
        Every(60.0, partial(end_due, database)),
        Every(60.0, partial(escalate_late, database)),
        Every(PAUSE_SECONDS, partial(anchoring.anchor_when_due, database)),
    ]


async def _sweep_packages(settings: WorkerSettings, database: Database) -> None:
    await sweep(database, opened(settings.packages))


async def _finish_received(settings: WorkerSettings, database: Database) -> None:
    await finish_received(database, opened(settings.packages))


async def _make_deltas(settings: WorkerSettings, database: Database) -> None:
    await make_deltas(database, opened(settings.packages))


async def _check_domains(settings: WorkerSettings, database: Database) -> None:
    await check_due(database, with_loopback=settings.with_loopback)


def make_worker(settings: WorkerSettings) -> Worker:
    publishes: list[type[Event]] = [
        *(AppRegistered, AppClientChanged, AppHandedOver, AppTakenDown, AppRestored),
        *(ReleaseGrayChanged, ReleaseGrayWithdrawn, MessageSent, AppRatingHidden),
        *(ReleaseSubmitted, ReleaseApproved, ReleaseRejected, ReleasePublished),
    ]
    handles = [*staff_roles(settings.cooling_off_hours), *ENDED_HANDLERS, *CALENDAR, *SUBSCRIPTIONS, *CLOSURE]
    return Worker(settings, publishes=publishes, handles=handles, schedules=partial(make_schedules, settings))


if __name__ == "__main__":
    run_worker(make_worker(load(WorkerSettings)), sys.argv[1:])
