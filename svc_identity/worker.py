"""The second process: publishes this service's events, makes clients of approved providers, forgets what expired."""

import sys
from collections.abc import Sequence

from chassis.db import Database
from chassis.service import Every, Worker, run_worker
from chassis.settings import load
from svc_identity.oauth import service as oauth
from svc_identity.oauth.consumers import HANDLERS
from svc_identity.oauth.events import ClientRegistered
from svc_identity.organisations.events import OrganisationRegistered
from svc_identity.organisations.role_changes import service as role_changes
from svc_identity.organisations.role_changes.events import RoleChangeApproved, RoleChangeProposed, RoleChangeRejected
from svc_identity.people.persons.events import PersonProofed, PersonRegistered
from svc_identity.settings import Settings
from svc_identity.sign_in import service as sign_in
from svc_identity.vault.encryption import use_keys_of

_PRUNE_SECONDS = 300.0


def schedules(database: Database) -> Sequence[Every]:
    async def prune_what_expired() -> None:
        async with database.transaction() as tx:
            await oauth.prune(tx)
            await sign_in.prune(tx)
            await role_changes.expire(tx)

    return [Every(_PRUNE_SECONDS, prune_what_expired)]


def make_worker(settings: Settings) -> Worker:
    use_keys_of(settings)
    return Worker(
        settings,
        publishes=[
            *(PersonRegistered, PersonProofed, OrganisationRegistered, ClientRegistered),
            *(RoleChangeProposed, RoleChangeApproved, RoleChangeRejected),
        ],
        handles=HANDLERS,
        schedules=schedules,
    )


if __name__ == "__main__":
    run_worker(make_worker(load(Settings)), sys.argv[1:])
