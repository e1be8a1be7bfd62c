"""What a period ends is there a day before and gone after; a dispute keeps it, and the trail still verifies."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import time_machine
from prometheus_client import REGISTRY
from sqlalchemy import func, select, text

from chassis.db import Database, new_id, now
from kit.audit.anchoring import Anchoring
from kit.evidence.retention import Period, carry_out
from svc_identity.organisations.representation.models import RepresentationCheck
from svc_identity.people.suspensions.models import Suspension
from svc_identity.privacy.corrections.models import Correction, Subject
from svc_identity.privacy.data_reads.models import DataRead
from svc_identity.retention import RETENTION
from svc_identity.trail import COMMAND, TRAIL
from svc_identity.worker import prune_what_expired
from tests.anchor_keys import anchor_key
from tests.svc_identity.organisations.role_changes.conftest import Platform, platform
from tests.svc_identity.organisations.role_changes.counties import YINING
from tests.svc_identity.test_trail import play, play_factors
from tests.tampering.trial import Proof

__all__ = ["platform"]

YEARS_3 = timedelta(days=1095)
SUSPENDED = "SELECT person_id FROM suspensions WHERE person_id IS NOT NULL AND lifted_at IS NULL"
WORDS = "门牌号写错了"


@pytest.fixture
def proof(tmp_path: Path) -> Proof:
    return Proof(COMMAND, (tmp_path / "anchors").as_uri())


@contextmanager
def later(by: timedelta) -> Iterator[None]:
    with time_machine.travel(time.time() + by.total_seconds()):
        yield


async def somebody(database: Database) -> UUID:
    async with database.read() as tx:
        return UUID(str(await tx.scalar(text("SELECT id FROM persons LIMIT 1"))))


async def read_of(database: Database, person_id: UUID, at: datetime) -> None:
    async with database.transaction() as tx:
        about = {"service": "payments", "reference": str(new_id()), "data": ["bills"], "reason": "look_at_payment"}
        tx.add(DataRead(id=new_id(), person_id=person_id, read_at=at, **about))


async def answered(database: Database, person_id: UUID) -> UUID:
    async with database.transaction() as tx:
        correction = Correction(
            person_id=person_id, about=Subject.OTHER, division_code=YINING, words=WORDS, due_on=now().date()
        )
        correction.status, correction.ended_at = "corrected", now()  # type: ignore[assignment]
        correction.answer, correction.answered_by = "已改", person_id
        tx.add(correction)
    return correction.id


async def reads(database: Database) -> int:
    async with database.read() as tx:
        return await tx.scalar(select(func.count()).select_from(DataRead)) or 0


async def words_of(database: Database, correction_id: UUID) -> tuple[str | None, str | None]:
    async with database.read() as tx:
        query = select(Correction.words, Correction.answer).where(Correction.id == correction_id)
        words, answer = (await tx.execute(query)).one()
        return words, answer


async def test_reads_are_there_a_day_before_and_gone_when_their_time_is_over(platform: Platform) -> None:
    await read_of(platform.database, await somebody(platform.database), now())
    with later(YEARS_3 - timedelta(days=1)):
        await carry_out(platform.database, RETENTION)
        assert await reads(platform.database) == 1
    with later(YEARS_3 + timedelta(minutes=1)):
        await carry_out(platform.database, RETENTION)
        assert await reads(platform.database) == 0


async def test_a_sealed_row_loses_its_words_stays_and_verifies(platform: Platform, proof: Proof) -> None:
    correction_id = await answered(platform.database, await somebody(platform.database))
    await Anchoring(TRAIL, proof.store_url, anchor_key()).anchor(platform.database)
    with later(YEARS_3 - timedelta(days=1)):
        await carry_out(platform.database, RETENTION)
        assert await words_of(platform.database, correction_id) == (WORDS, "已改")
    with later(YEARS_3 + timedelta(minutes=1)):
        await carry_out(platform.database, RETENTION)
        assert await words_of(platform.database, correction_id) == (None, None)
    assert await proof.findings(platform.database) == []


async def test_an_open_dispute_keeps_what_is_over_until_it_ends(platform: Platform) -> None:
    person_id = await somebody(platform.database)
    await read_of(platform.database, person_id, now() - YEARS_3 - timedelta(days=1))
    await read_of(platform.database, new_id(), now() - YEARS_3 - timedelta(days=1))
    async with platform.database.transaction() as tx:
        tx.add(Suspension(person_id=person_id, reason="phone was stolen", suspended_by=person_id))
    await carry_out(platform.database, RETENTION)
    assert await reads(platform.database) == 1
    async with platform.database.transaction() as tx:
        lifted = "UPDATE suspensions SET lifted_at = now(), lift_reason = 'found', lifted_by = :other"
        other = "SELECT id FROM persons WHERE id <> :id LIMIT 1"
        await tx.execute(text(lifted), {"other": await tx.scalar(text(other), {"id": person_id})})
    await carry_out(platform.database, RETENTION)
    assert await reads(platform.database) == 0


async def test_all_that_is_personal_is_gone_after_decades_and_the_trail_verifies(
    platform: Platform, proof: Proof
) -> None:
    await play(platform)
    await play_factors(platform)
    await Anchoring(TRAIL, proof.store_url, anchor_key()).anchor(platform.database)
    async with platform.database.transaction() as tx:
        # A dispute would keep what is due.
        await tx.execute(text("UPDATE corrections SET status = 'withdrawn', ended_at = now() WHERE ended_at IS NULL"))
    with later(timedelta(days=20 * 366)):
        await prune_what_expired(platform.database)
    with later(timedelta(days=40 * 366)):
        await carry_out(platform.database, RETENTION)
    async with platform.database.read() as tx:
        for kept in (
            "mandates WHERE phone_masked <> '' OR length(phone_index) > 0 OR length(name_index) > 0",
            "family_accounts WHERE helper_name <> '' OR helped_name <> '' OR length(phone_index) > 0",
            "guardian_consents WHERE length(child_index) > 0",
            f"enrolment_codes WHERE reason <> '' AND person_id NOT IN ({SUSPENDED})",
            "representation_checks",
        ):
            assert await tx.scalar(text(f"SELECT count(*) FROM {kept}")) == 0, kept  # noqa: S608
        assert await tx.scalar(text("SELECT count(*) FROM suspensions WHERE lifted_at IS NULL AND reason <> ''")) == 1
    assert await proof.findings(platform.database) == []


def ended() -> float:
    of_checks = {"table": "representation_checks", "action": "deleted"}
    return REGISTRY.get_sample_value("myili_retention_rows_total", of_checks) or 0


async def test_two_workers_at_once_end_each_row_once(platform: Platform) -> None:
    before = ended()
    person_id, over = await somebody(platform.database), now() - YEARS_3 - timedelta(days=1)
    async with platform.database.transaction() as tx:
        tx.add_all(RepresentationCheck(person_id=person_id, uscc="x", started_at=over) for _ in range(1200))
    await asyncio.gather(*(carry_out(platform.database, RETENTION) for _ in range(3)))
    await carry_out(platform.database, RETENTION)
    assert ended() - before == 1200


async def test_a_table_that_fails_does_not_stop_the_others(platform: Platform) -> None:
    await read_of(platform.database, new_id(), now() - YEARS_3 - timedelta(days=1))
    broken = {"persons": Period(1, "no_such_column", "", "")}
    with pytest.raises(ExceptionGroup):
        await carry_out(platform.database, replace(RETENTION, rules=broken | {**RETENTION.rules, **broken}))
    assert await reads(platform.database) == 0


async def test_what_the_job_should_have_ended_is_counted_as_overdue(platform: Platform) -> None:
    await read_of(platform.database, new_id(), now() - YEARS_3 - timedelta(days=2))

    async def overdue() -> dict[str, int]:
        async with platform.database.read() as tx:
            return {row.table_name: row.rows for row in await tx.execute(text(RETENTION.overdue()))}

    assert {table: rows for table, rows in (await overdue()).items() if rows} == {"data_reads": 1}
    await carry_out(platform.database, RETENTION)
    assert not any((await overdue()).values())
