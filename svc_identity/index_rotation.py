"""`python -m svc_identity.index_rotation status | run | forget`: find phones and ID numbers by a new key.

The worker does what `run` does every five minutes while there are two keys; both can be stopped at any time and work at
once, since what is left is what the rows say. `forget` also gives up proposals to numbers that nobody has registered,
which only their own key can find.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Select,
    Text,
    Update,
    cast,
    delete,
    exists,
    func,
    literal,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import InstrumentedAttribute

from chassis.db import Database, now
from chassis.settings import load
from svc_identity.organisations.mandates.models import Mandate, MandateStatus
from svc_identity.organisations.mandates.service import name_index as mandate_name
from svc_identity.people.children.models import GuardianConsent
from svc_identity.people.families.models import FamilyAccount, FamilyStatus
from svc_identity.people.families.service import name_index as family_name
from svc_identity.people.family_orders.models import FamilyOrder, OrderStatus
from svc_identity.people.identity_claims.models import IdentityClaim
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import id_number_index, phone_index
from svc_identity.settings import Settings
from svc_identity.sign_in.models import KnownDevice
from svc_identity.sign_in.phone_changes.models import PhoneChange
from svc_identity.vault.blind_indexes import Index, known_keys, lock_of
from svc_identity.vault.encryption import Encrypted, use_keys_of
from svc_identity.vault.needed_keys import end_process
from svc_identity.vault.reindexing import (
    KeyMissing,
    Stored,
    is_old,
    move,
    release_keys,
    require_keys,
    stored,
)
from svc_identity.verifications.models import Verification, VerificationStatus

BATCH = 100
_PAUSE_SECONDS = 0.05
_BUSY = {"55P03", "40P01"}
"""SQLSTATE of a lock that was not free in time, and of a deadlock."""
_ERASED = b""
_PHONES = (Person.phone_index,)


class Source(NamedTuple):
    """Rows from whose clear text an index can be made again."""

    index: InstrumentedAttribute[Any]
    clear: InstrumentedAttribute[Any]
    make: Callable[[str], Index]
    where: tuple[ColumnElement[bool], ...] = ()


def _sources() -> list[Source]:
    """First what stands beside its clear text, which brings the other rows of the value along; then names."""
    same = [
        Source(Person.phone_index, Person.phone, phone_index),
        Source(Person.id_number_index, Person.id_number, id_number_index),
        Source(IdentityClaim.id_number_index, IdentityClaim.id_number, id_number_index),
        Source(FamilyOrder.id_number_index, FamilyOrder.id_number, id_number_index),
        Source(PhoneChange.old_index, PhoneChange.old_phone, phone_index),
        Source(PhoneChange.new_index, PhoneChange.new_phone, phone_index),
    ]
    named = ((Mandate, mandate_name), (FamilyAccount, family_name), (FamilyOrder, family_name))
    return [
        *same,
        *(
            Source(each.name_index, Person.name, make, (Person.phone_index == each.phone_index,))
            for each, make in named
        ),
    ]


async def reindex(database: Database) -> int:
    """Move what is found under older keys to that of now; returns how many values were."""
    moved = 0
    for source in _sources():
        last: UUID | None = UUID(int=0)
        while last is not None:
            last, count = await _try_batch(database, source, last)
            moved += count
            await asyncio.sleep(_PAUSE_SECONDS)
    await _erase_unused(database)
    return moved


async def _try_batch(database: Database, source: Source, after: UUID) -> tuple[UUID | None, int]:
    """Move one batch. Rows that another transaction has locked wait for the next turn; locks of this one are short."""
    try:
        return await _batch(database, source, after)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in _BUSY:
            raise
        return None, 0


async def _batch(database: Database, source: Source, after: UUID) -> tuple[UUID | None, int]:
    async with database.transaction() as tx:
        await tx.execute(text("SET LOCAL lock_timeout = '300ms'"))
        rows = (await tx.execute(_due(source, after))).all()
        kind: Encrypted = source.clear.type
        indexes = [source.make(kind.process_result_value(row.clear, None) or "") for row in rows]
        free = [each for each in indexes if await tx.scalar(select(func.pg_try_advisory_xact_lock(lock_of(each))))]
        await move(tx, free)
    return (rows[-1].id if len(rows) == BATCH else None), len(free)


def _due(source: Source, after: UUID) -> Select[Any]:
    holder = source.index.class_
    due = select(holder.id, type_coerce(source.clear, LargeBinary).label("clear")).where(
        *source.where, holder.id > after, is_old(source.index), source.clear.is_not(None)
    )
    return due.order_by(holder.id).limit(BATCH).with_for_update(of=holder, skip_locked=True)


async def _erase_unused(database: Database) -> None:
    """Erase indexes of ended rows, whose clear text is stored nowhere; see decision 0129."""
    yesterday = now() - timedelta(days=1)
    ended = Mandate.status.not_in([MandateStatus.PROPOSED, MandateStatus.ACTIVE])
    over = FamilyAccount.status.not_in([FamilyStatus.PROPOSED, FamilyStatus.ACTIVE])
    is_done = Verification.status != VerificationStatus.BEGUN
    numbers = (Person.id_number_index, IdentityClaim.id_number_index)
    async with database.transaction() as tx:
        for statement in (
            _changed(Mandate.phone_index, _ERASED, ended),
            _changed(Mandate.phone_index, _nobody(), Mandate.status == MandateStatus.ACTIVE, unlike=_PHONES),
            _changed(Mandate.name_index, _ERASED, Mandate.status != MandateStatus.PROPOSED),
            _changed(FamilyAccount.phone_index, _ERASED, over),
            _changed(FamilyAccount.phone_index, _nobody(), FamilyAccount.status == FamilyStatus.ACTIVE, unlike=_PHONES),
            _changed(FamilyAccount.name_index, _ERASED, FamilyAccount.status != FamilyStatus.PROPOSED),
            _changed(FamilyOrder.phone_index, _ERASED, FamilyOrder.status != OrderStatus.OPEN),
            _changed(FamilyOrder.name_index, _ERASED, FamilyOrder.status != OrderStatus.OPEN),
            _changed(GuardianConsent.child_index, _ERASED, GuardianConsent.given_at < yesterday, unlike=numbers),
            _changed(Verification.id_number_index, None, is_done, unlike=numbers),
            _changed(Verification.network_index, None, is_done),
        ):
            await tx.execute(statement)
        unknown = ~exists().where(Person.phone_index == KnownDevice.phone_index)
        await tx.execute(delete(KnownDevice).where(is_old(KnownDevice.phone_index), unknown))


async def forget_proposals(database: Database) -> int:
    """End invitations to numbers indexed under an older key alone; returns how many. They can be sent again."""
    given_up = 0
    async with database.transaction() as tx:
        for index in (Mandate.phone_index, FamilyAccount.phone_index, FamilyOrder.phone_index):
            changed = _changed(index, _nobody(), unlike=_PHONES).returning(index.class_.id)
            given_up += len((await tx.scalars(changed)).all())
        for index in (Mandate.name_index, FamilyAccount.name_index, FamilyOrder.name_index):
            await tx.execute(_changed(index, _nobody()))
    return given_up


def _changed(
    index: InstrumentedAttribute[Any],
    value: object,
    *where: ColumnElement[bool],
    unlike: Sequence[InstrumentedAttribute[Any]] = (),
) -> Update:
    """Change an index that is under an older key, unless one of these columns has it too and will be moved."""
    unfound = [~exists().where(each == index).correlate(index.class_) for each in unlike]
    changed = update(index.class_).where(is_old(index), *where, *unfound).values({index.key: value})
    return changed.execution_options(synchronize_session=False)


def _nobody() -> ColumnElement[bytes]:
    """An index of no value, another one for each row."""
    random = func.sha256(func.convert_to(cast(func.gen_random_uuid(), Text), "UTF8"))
    return literal(known_keys()[0].prefix, LargeBinary).op("||")(random)


async def rotate_indexes(database: Database) -> None:
    """What the worker does on its schedule: with one key, only check that no other is needed, and end if one is."""
    try:
        await require_keys(database)
    except KeyMissing as missing:
        end_process(missing)
        return
    if len(known_keys()) > 1 and not await reindex(database):
        await release_keys(database, await stored(database))


async def main(settings: Settings, command: str) -> int:
    """Exit codes: 0 only the current key is in use; 1 something is left to do."""
    use_keys_of(settings)
    database = Database.of(settings)
    try:
        if command != "status":
            await require_keys(database)
            sys.stdout.write(f"{await reindex(database)} values are found by the first key now.\n")
        if command == "forget":
            sys.stdout.write(f"{await forget_proposals(database)} invitations were given up.\n")
        found = await stored(database)
        if command != "status":
            await release_keys(database, found)
    finally:
        await database.close()
    return _report(found)


def _report(found: Sequence[Stored]) -> int:
    listed = [each.id for each in known_keys()]
    sys.stdout.write(f"Listed: {', '.join(each.hex() for each in listed)}. New rows are under the first.\n")
    sys.stdout.writelines(f"{each}\n" for each in found)
    if missing := {each.key_id for each in found} - set(listed):
        sys.stdout.write(f"{KeyMissing(missing)}\n")
        return 1
    if left := sum(each.values for each in found if not each.is_current):
        sys.stdout.write(
            f"{left} values are left under older keys: keep these. Counted tries go within a day, invitations to "
            "numbers that nobody has registered when they are accepted or over, or by `forget`.\n"
        )
        return 1
    if others := ", ".join(each.hex() for each in listed[1:]):
        sys.stdout.write(
            f"Only {listed[0].hex()} is in use. If {others} is the new key, list it first once every process knows it; "
            "if it is the old one, it can go from MYILI_BLIND_INDEX_KEYS.\n"
        )
    else:
        sys.stdout.write("Only this key is in use.\n")
    return 0


def run(arguments: Sequence[str]) -> int:
    if list(arguments) not in (["status"], ["run"], ["forget"]):
        sys.stderr.write("usage: python -m svc_identity.index_rotation status | run | forget\n")
        return 2
    try:
        return asyncio.run(main(load(Settings), arguments[0]))
    except KeyMissing as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Stopped. What is left is what the rows say: run it again to go on.\n")
        return 130


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:]))
