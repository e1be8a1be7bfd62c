"""The second process: publishes this service's events and clears packages that no upload finished."""

import sys
from collections.abc import Sequence

from chassis.db import Database
from chassis.outbox import Event
from chassis.service import Every, Worker, run_worker
from chassis.settings import load
from svc_miniapps.apps.events import AppRegistered
from svc_miniapps.packages.store import opened
from svc_miniapps.publishing.releases.events import (
    ReleaseApproved,
    ReleasePublished,
    ReleaseRejected,
    ReleaseSubmitted,
)
from svc_miniapps.publishing.uploads.service import sweep
from svc_miniapps.settings import Settings

SWEEP_SECONDS = 3600.0


def make_worker(settings: Settings) -> Worker:
    def schedules(database: Database) -> Sequence[Every]:
        async def sweep_packages() -> None:
            await sweep(database, opened(settings.packages))

        return [Every(SWEEP_SECONDS, sweep_packages)]

    publishes: list[type[Event]] = [AppRegistered, ReleaseSubmitted, ReleaseApproved, ReleaseRejected, ReleasePublished]
    return Worker(settings, publishes=publishes, schedules=schedules)


if __name__ == "__main__":
    run_worker(make_worker(load(Settings)), sys.argv[1:])
