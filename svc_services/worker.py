"""The second process: publishes this service's events and gives up bindings of processes that died."""

import sys
from collections.abc import Sequence
from functools import partial

from chassis.db import Database
from chassis.service import Every, Worker, run_worker
from chassis.settings import load
from svc_services.accounts.bindings.events import AccountBindingActivated, AccountBindingEnded
from svc_services.accounts.bindings.service import forget_expired_attestations, give_up_abandoned
from svc_services.accounts.holder_changes.service import carry_out_due
from svc_services.catalogue.tariffs.events import TariffPublished, TariffWithdrawn
from svc_services.providers.applications.events import ProviderApproved
from svc_services.providers.connections.events import CONNECTION_EVENTS
from svc_services.providers.connections.service import forget_used_proofs
from svc_services.settings import Settings

PUBLISHES = (
    ProviderApproved,
    *CONNECTION_EVENTS,
    TariffPublished,
    TariffWithdrawn,
    AccountBindingActivated,
    AccountBindingEnded,
)


def schedules(database: Database) -> Sequence[Every]:
    return [
        Every(15, partial(give_up_abandoned, database)),
        Every(60, partial(carry_out_due, database)),
        Every(3600, partial(forget_expired_attestations, database)),
        Every(3600, partial(forget_used_proofs, database)),
    ]


def make_worker(settings: Settings) -> Worker:
    return Worker(settings, publishes=PUBLISHES, schedules=schedules)


if __name__ == "__main__":
    run_worker(make_worker(load(Settings)), sys.argv[1:])
