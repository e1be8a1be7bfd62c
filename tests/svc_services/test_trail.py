"""What the tables' owner changes of companies, tariffs and accounts is found; the worker anchors the trail."""

from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from chassis.db import Database, new_id
from chassis.testing import Tokens
from kit.audit.anchoring import Anchoring
from svc_services.settings import Settings, WorkerSettings
from svc_services.trail import COMMAND, TRAIL
from svc_services.worker import make_schedules
from tests.anchor_keys import anchor_key
from tests.svc_services.companies import (
    ProviderSystem,
    account_number,
    apply,
)
from tests.svc_services.supervision.complaints.filed import WORDS
from tests.svc_services.trail_scenes import ACCOUNT, COMPLAINANT, LABEL, PHONE, play
from tests.tampering.trial import Proof, assert_every_change_is_found, forge, run_hourly


@pytest.fixture
def proof(tmp_path: Path) -> Proof:
    return Proof(COMMAND, (tmp_path / "anchors").as_uri())


@pytest_asyncio.fixture
async def played(
    api: httpx.AsyncClient, tokens: Tokens, provider_system: ProviderSystem, database: Database, proof: Proof
) -> Database:
    """The scene, anchored twice."""
    anchoring = Anchoring(TRAIL, proof.store_url, anchor_key())
    await play(api, tokens, provider_system, database)
    await anchoring.anchor(database)
    await apply(api)
    await anchoring.anchor(database)
    return database


async def test_every_random_change_is_found(played: Database, proof: Proof) -> None:
    await assert_every_change_is_found(played, proof)


async def test_a_row_that_another_role_writes_is_named(played: Database, proof: Proof) -> None:
    binding_id = new_id()
    await forge(played, "account_bindings", id=binding_id, account_number=account_number(7), status="active")
    assert await proof.findings(played) == [
        f"account_bindings {binding_id}: written by the database role postgres, not by the service."
    ]


async def test_the_worker_anchors_every_hour(
    settings: Settings, api: httpx.AsyncClient, database: Database, proof: Proof
) -> None:
    await apply(api)
    of_worker = {"anchors": proof.store_url, "anchor_key": anchor_key()}
    schedules = make_schedules(WorkerSettings(**settings.model_dump() | of_worker), database)
    ending = [each for each in schedules if each.name != "Sender.run"]  # it sends until it is cancelled
    assert await run_hourly(ending, proof) == [[1], [1], [1, 2], [1, 2]]


async def test_what_can_be_guessed_is_not_in_the_seals(played: Database) -> None:
    sealed = "SELECT string_agg(content::text, ' ') FROM audit_seals WHERE table_name = '{}'"
    async with played.read() as tx:
        contents = {
            table: await tx.scalar(text(sealed.format(table))) or ""
            for table in (
                *("provider_applications", "application_corrections", "account_bindings", "account_invitations"),
                *("complaints", "arrears_notices"),
            )
        }
        salts = await tx.scalars(
            text(
                "SELECT encode(token_hash, 'hex') FROM provider_applications "
                "UNION ALL SELECT request_id::text FROM account_bindings "
                "UNION ALL SELECT encode(code_hash, 'hex') FROM account_invitations "
                "UNION ALL SELECT salt::text FROM complaints UNION ALL SELECT salt::text FROM arrears_notices"
            )
        )
        assert not [salt for salt in salts if salt in "".join(contents.values())]
    assert PHONE not in contents["provider_applications"] + contents["application_corrections"]
    assert ACCOUNT not in contents["account_bindings"] + contents["arrears_notices"]
    assert "withdrawn" in contents["arrears_notices"]
    assert "B-77" not in contents["arrears_notices"]
    assert LABEL not in contents["account_invitations"]
    assert COMPLAINANT not in contents["complaints"]
    assert WORDS not in contents["complaints"]
