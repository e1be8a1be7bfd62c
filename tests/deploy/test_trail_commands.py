"""`python -m svc_NAME.trail` as auditors run it: with the server, the anchors and a public key; its exit codes."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import URL, make_url

from chassis.db import Database
from chassis.migrations import Roles, administrator
from kit.audit.command import Command
from svc_identity.starter import load_starter_data
from svc_identity.trail import COMMAND as identity_trail  # noqa: N811 - three of one name
from svc_miniapps.trail import COMMAND as miniapps_trail  # noqa: N811
from svc_services.trail import COMMAND as services_trail  # noqa: N811
from tests.anchor_keys import anchor_key, anchor_public_keys
from tests.databases import as_administrator, upgrade_in_thread


async def migrated(postgres_url: str, service: str) -> URL:
    """The database by the name that the command expects, new."""
    roles = Roles.of(f"svc_{service}")
    server = make_url(postgres_url)
    async with administrator(server, "postgres") as connection:
        await connection.execute(f'DROP DATABASE IF EXISTS "{roles.runtime}" WITH (FORCE)')
    return upgrade_in_thread(f"svc_{service}", server.set(database=roles.runtime))


@pytest_asyncio.fixture
async def identity(postgres_url: str) -> URL:
    url = await migrated(postgres_url, "identity")
    database = Database(url)
    await load_starter_data(database)
    await database.close()
    return url


def environment(url: URL, folder: Path) -> Mapping[str, str]:
    server = url.set(database="", drivername="postgresql").render_as_string(hide_password=False)
    return {
        "MYILI_DATABASE_URL": server,
        "MYILI_ANCHORS": (folder / "anchors").as_uri(),
        "MYILI_ANCHOR_PUBLIC_KEYS": anchor_public_keys(),
    }


def run(service: str, command: str, given: Mapping[str, str]) -> tuple[int, str]:
    python = [sys.executable, "-m", f"svc_{service}.trail", command]
    done = subprocess.run(python, env=given, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - ours
    return done.returncode, done.stdout + done.stderr


async def test_an_auditor_learns_what_the_owner_changed(identity: URL, tmp_path: Path) -> None:
    given = environment(identity, tmp_path)
    with_key = {**given, "MYILI_ANCHOR_KEY": anchor_key().get_secret_value()}
    assert run("identity", "anchor", with_key)[0] == 0
    code, said = run("identity", "verify", given)
    assert (code, said) == (0, "The trail of identity is right: 0 findings; 1 links of audit.\n")
    await _forge(as_administrator(identity))
    code, said = run("identity", "verify", given)
    assert code == 1
    assert "clients myili-app: redirect_uris changed since it was sealed.\n" in said
    assert "The trail of identity is WRONG: 1 findings" in said


async def _forge(url: URL) -> None:
    connection = await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
    await connection.execute("SET session_replication_role = replica")
    thief = "UPDATE clients SET redirect_uris = ARRAY['https://thief.example/callback'] WHERE client_id = 'myili-app'"
    await connection.execute(thief)
    await connection.close()


async def test_a_database_of_another_name_is_not_passed_over_for_the_services_own(
    identity: URL, tmp_path: Path
) -> None:
    """An auditor who names a copy is not told that the original is right."""
    given = environment(identity, tmp_path)
    copy = {**given, "MYILI_DATABASE_URL": f"{given['MYILI_DATABASE_URL']}/evidence"}
    code, said = run("identity", "verify", copy)
    assert code == 2
    assert "MYILI_DATABASE_URL: Value error, must be a postgresql:// URL that names no database" in said


async def test_who_cannot_reach_the_database_gets_no_verdict(identity: URL, tmp_path: Path) -> None:
    code, said = run("identity", "verify", environment(identity.set(port=1), tmp_path))
    assert code == 2
    assert said.startswith("verify could not be done: ")


@pytest.mark.parametrize("service", ["services", "miniapps"])
async def test_the_other_services_have_the_same_command(postgres_url: str, service: str, tmp_path: Path) -> None:
    url = await migrated(postgres_url, service)
    code, said = run(service, "verify", environment(url, tmp_path))
    assert (code, said) == (0, f"The trail of {service} is right: 0 findings; 0 links of audit.\n")


@pytest.mark.parametrize("command", [identity_trail, services_trail, miniapps_trail])
def test_another_word_is_answered_with_the_usage(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["rewrite"]) == 2
    assert capsys.readouterr().err == f"usage: python -m svc_{command.trail.service}.trail verify | anchor\n"
