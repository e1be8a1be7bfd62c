from chassis.db import Database
from svc_identity.people.persons.models import VERIFIED, Person
from svc_identity.verifications import service


async def end_what_is_over(database: Database) -> None:
    """End level 3 whose time, phone, proof or access is over, announce it, and close what was not finished in time."""
    async with database.transaction() as tx:
        await service.expire(tx)
        due = await service.due(tx)
    for person_id in due:
        async with database.transaction() as tx:
            person = await tx.get_one(Person, person_id, with_for_update=True)
            if person.level < VERIFIED:
                await service.end(tx, person)
