"""The keyed hash of a number that somebody tried is kept for as long as a limit counts it, and no longer."""

from datetime import timedelta

from sqlalchemy import select, update

from chassis.db import Database, now
from svc_identity.people.persons.service import id_number_index
from svc_identity.people.proofing.models import ProofingAttempt
from svc_identity.worker import prune_what_expired
from tests.svc_identity.app_client import AppClient
from tests.svc_identity.identities import id_number
from tests.svc_identity.people.proofing.proofs import prove


async def kept_after(database: Database, number: str, age: timedelta) -> int:
    """How many attempts on a number still have its hash, once they are so old and the worker has come by."""
    on_number = ProofingAttempt.id_number_index == id_number_index(number)
    async with database.transaction() as tx:
        await tx.execute(update(ProofingAttempt).where(on_number).values(started_at=now() - age))
    await prune_what_expired(database)
    async with database.read() as tx:
        return len((await tx.scalars(select(ProofingAttempt.id).where(on_number))).all())


async def test_the_hash_of_a_tried_number_goes_after_a_day(
    app_client: AppClient, phone: str, database: Database
) -> None:
    number = id_number()
    assert (await prove(app_client.api, await app_client.tokens(phone), number=number)).status_code == 200
    assert await kept_after(database, number, timedelta(hours=23)) == 1
    assert await kept_after(database, number, timedelta(hours=25)) == 0
