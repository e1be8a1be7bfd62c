"""The second process: events, roles of staff, packages that no upload finished, anchors of the trail."""

import sys
from collections.abc import Sequence
from functools import partial

from chassis.db import Database
from chassis.outbox import Event
from chassis.service import Every, Worker, run_worker
from chassis.settings import load
from kit.audit.anchoring import PAUSE_SECONDS, Anchoring
from kit.ended.consumers import HANDLERS as ENDED_HANDLERS
from kit.ended.consumers import forget_expired
from kit.staff.consumers import handlers as staff_roles
from svc_miniapps.apps.events import AppRegistered
from svc_miniapps.catalogue.deltas.worker import make_deltas
from svc_miniapps.packages.objects import sweep
from svc_miniapps.packages.statements import signer_of
from svc_miniapps.packages.store import opened
from svc_miniapps.publishing.clients.events import AppClientChanged
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
from svc_miniapps.publishing.signatures.service import sign_missing
from svc_miniapps.publishing.take_downs.events import AppRestored, AppTakenDown
from svc_miniapps.publishing.take_downs.service import lapse_unconfirmed
from svc_miniapps.publishing.testers.consumers import HANDLERS as TESTERS
from svc_miniapps.publishing.uploads.resumable import finish_received, forget_old
from svc_miniapps.settings import WorkerSettings
from svc_miniapps.trail import TRAIL

SWEEP_SECONDS = 3600.0
DELTA_SECONDS = 20.0
SIGN_SECONDS = 60.0


def make_schedules(settings: WorkerSettings, database: Database) -> Sequence[Every]:
    anchoring = Anchoring(TRAIL, settings.anchors, settings.anchor_key)
    return [
        Every(SWEEP_SECONDS, partial(_sweep_packages, settings, database)),
        Every(60.0, partial(_finish_received, settings, database)),
        Every(DELTA_SECONDS, partial(_make_deltas, settings, database)),
        Every(SIGN_SECONDS, partial(sign_missing, database, signer_of(settings))),
        Every(60.0, partial(forget_expired, database)),
        Every(SWEEP_SECONDS, partial(forget_old, database)),
        Every(60.0, partial(withdraw_overdue, database)),
        Every(60.0, partial(lapse_unconfirmed, database)),
        Every(PAUSE_SECONDS, partial(anchoring.anchor_when_due, database)),
    ]


async def _sweep_packages(settings: WorkerSettings, database: Database) -> None:
    await sweep(database, opened(settings.packages))


async def _finish_received(settings: WorkerSettings, database: Database) -> None:
    await finish_received(database, opened(settings.packages))


async def _make_deltas(settings: WorkerSettings, database: Database) -> None:
    await make_deltas(database, opened(settings.packages))


def make_worker(settings: WorkerSettings) -> Worker:
    publishes: list[type[Event]] = [
        *(AppRegistered, AppClientChanged, AppHandedOver, AppTakenDown, AppRestored),
        *(ReleaseGrayChanged, ReleaseGrayWithdrawn),
        *(ReleaseSubmitted, ReleaseApproved, ReleaseRejected, ReleasePublished),
    ]
    handles = [*staff_roles(settings.cooling_off_hours), *ENDED_HANDLERS, *CALENDAR, *TESTERS]
    return Worker(settings, publishes=publishes, handles=handles, schedules=partial(make_schedules, settings))


if __name__ == "__main__":
    run_worker(make_worker(load(WorkerSettings)), sys.argv[1:])
