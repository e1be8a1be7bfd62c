"""The pack over the databases of all services: its figures, its sums, and that nobody can be recognised in it."""

import contextlib
import csv
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
import time_machine
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import URL

from chassis.migrations import administrator
from deploy.evidence.__main__ import main
from deploy.evidence.settings import AUDITOR
from svc_identity.keys import Signer
from tests.anchor_keys import anchor_public_keys
from tests.deploy.evidence.scene import SIGNER, Scene, staged

PASSWORD = "of-an-auditor-under-test"  # noqa: S105 - of a server that lives as long as the tests
NUMBERS = re.compile(r"\b(?:\+?86)?1[3-9]\d{9}\b|\b\d{17}[\dX]\b")
"""Phones and ID numbers of anybody."""


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the anchors."""
    return tmp_path_factory.mktemp("stores")


@pytest_asyncio.fixture(scope="session")
async def scene(postgres_url: str, stores: Path) -> Scene:
    """For all tests of this file: it takes as long as twenty tests, and each puts back what it changes."""
    scene = await staged(postgres_url, (stores / "anchors").as_uri())
    server = scene.server.set(drivername="postgresql").render_as_string(hide_password=False)
    assert run(["grant"], {"MYILI_DATABASE_ADMIN_URL": server, "MYILI_AUDITOR_PASSWORD": PASSWORD})[0] == 0
    return scene


def run(arguments: list[str], given: Mapping[str, str], module: str = "deploy.evidence") -> tuple[int, str]:
    python = [sys.executable, "-m", module, *arguments]
    whole = {"PATH": os.environ["PATH"], **given}
    done = subprocess.run(python, env=whole, capture_output=True, text=True, check=False, timeout=100)  # noqa: S603 - ours
    return done.returncode, done.stdout + done.stderr


def auditors(scene: Scene, folder: Path) -> Mapping[str, str]:
    """All that the auditor is given: no key of personal data among it."""
    server = scene.server.set(drivername="postgresql", username=AUDITOR, password=PASSWORD, database=None)
    return {
        "MYILI_DATABASE_URL": server.render_as_string(hide_password=False),
        "MYILI_ANCHORS": (folder / "anchors").as_uri(),
        "MYILI_LEDGER_ANCHORS": (folder / "ledger-anchors").as_uri(),
        "MYILI_ANCHOR_PUBLIC_KEYS": anchor_public_keys(),
    }


@pytest_asyncio.fixture(scope="session")
async def pack(scene: Scene, stores: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs") / "pack"
    code, said = run([str(folder)], auditors(scene, stores))
    assert (code, "python -m svc_identity.trail verify: 0 findings." in said) == (0, True), said
    return folder


def files_of(pack: Path, pattern: str = "*") -> list[Path]:
    return [file for file in pack.rglob(pattern) if file.is_file()]


def rows_of(pack: Path, path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((pack / f"{path}.json").read_text("utf-8"))["rows"]
    return rows


async def test_the_pack_counts_what_happened(scene: Scene, pack: Path) -> None:
    assert json.loads((pack / "pack.json").read_text("utf-8"))["is_whole"] is True
    consents = rows_of(pack, "figures/identity/consents")
    assert {(row["activity"], row["version"], row["given"]) for row in consents} == {
        ("account", scene.version, 1),
        ("identity_proofing", scene.version, 1),
    }
    reads = rows_of(pack, "figures/identity/reads")
    assert {(row["purpose"], row["role"], row["reads"]) for row in reads} == {
        ("member_list", "auditor", 1),
        ("own_profile", "self", 1),
    }
    assert [row["exports"] for row in rows_of(pack, "figures/identity/exports")] == [1]
    assert [(row["status"], row["requests"]) for row in rows_of(pack, "figures/identity/closures")] == [
        ("requested", 1)
    ]
    assert [(row["kind"], row["resolved"]) for row in rows_of(pack, "figures/payments/incidents")] == [
        ("money_held", 0)
    ]
    keys = {row["place"]: row["stored"] for row in rows_of(pack, "figures/identity/encryption_keys")}
    assert keys == {"persons.id_number": 1, "persons.name": 1, "persons.phone": 2}
    (anchored,) = [row for row in json.loads((pack / "trails.json").read_text("utf-8")) if row["anchor"]]
    assert (anchored["service"], anchored["right"], anchored["anchor"]) == (
        "identity",
        True,
        f"anchors/identity/{1:020}.json",
    )


async def test_the_pack_names_nobody(scene: Scene, pack: Path) -> None:
    for file in files_of(pack):
        text = file.read_text("utf-8")
        assert [each for each in scene.personal if each in text] == [], file
        assert NUMBERS.findall(text) == [], file


async def test_the_sums_are_those_of_all_files(pack: Path) -> None:
    lines = [line.split("  ") for line in (pack / "SHA256SUMS").read_text("utf-8").splitlines()]
    there = {
        str(file.relative_to(pack)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files_of(pack)
        if file.name != "SHA256SUMS"
    }
    assert {name: digest for digest, name in lines} == there


async def test_each_table_has_two_forms_and_says_where_it_is_from(pack: Path) -> None:
    tables = [file for file in files_of(pack, "*.json") if file.name not in {"pack.json", "trails.json"}]
    assert len(tables) > 30
    for file in tables:
        table = json.loads(file.read_text("utf-8"))
        assert table["source"]
        with file.with_suffix(".csv").open(encoding="utf-8", newline="") as text:
            assert len(list(csv.reader(text))) == len(table["rows"]) + 1
        assert f"`{file.relative_to(pack).with_suffix('')}`" in (pack / "report.zh.md").read_text("utf-8")


def checked(pack: Path, token: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "deploy.evidence.tokens", str(pack)]
    done = subprocess.run(command, input=token, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)  # noqa: S603, PLW1510
    return done.returncode, done.stdout


async def test_a_token_is_checked_against_the_keys_of_its_time(pack: Path) -> None:
    (term,) = rows_of(pack, "figures/identity/signing_keys")
    assert term["kid"] == SIGNER.key.kid
    with time_machine.travel(term["seen_at"]):
        token = SIGNER.sign("at+jwt", 600, sub="x")
    code, said = checked(pack, token)
    assert (code, "while it was the platform's" in said) == (0, True)
    with time_machine.travel(time.time() + 86_400):
        later = SIGNER.sign("at+jwt", 600, sub="x")
    code, said = checked(pack, later)
    assert (code, "it is forged" in said) == (1, True)


@pytest.mark.parametrize("token", ["", "x.y.z", "\x00", "null"])
async def test_what_is_no_token_of_the_platform_is_said_to_be_none(pack: Path, token: str) -> None:
    assert checked(pack, token)[0] == 1


async def test_a_token_of_another_key_is_refused_under_a_kid_of_the_platform_too(pack: Path) -> None:
    thief = Signer(SIGNER.issuer, ECKey.generate_key("P-256").as_pem(private=True).decode())
    assert "No key of the platform" in checked(pack, thief.sign("at+jwt", 600, sub="x"))[1]
    key = ECKey.import_key(thief.key.as_pem(private=True))
    forged = jwt.encode({"alg": "ES256", "kid": SIGNER.key.kid}, {"iat": int(time.time())}, key)
    assert checked(pack, forged) == (1, "This is no token that the key signed.\n")


@contextlib.asynccontextmanager
async def without_miniapps(server: URL) -> AsyncIterator[None]:
    async with administrator(server, "postgres") as connection:
        await connection.execute("ALTER DATABASE myili_miniapps RENAME TO myili_elsewhere")
        try:
            yield
        finally:
            await connection.execute("ALTER DATABASE myili_elsewhere RENAME TO myili_miniapps")


async def test_a_service_that_is_not_there_is_said_to_be_missing(scene: Scene, stores: Path, tmp_path: Path) -> None:
    async with without_miniapps(scene.server):
        code, said = run([str(tmp_path / "pack")], auditors(scene, stores))
    sentence = "miniapps：数据库没有读到，它的数字和审计链都不在包里（InvalidCatalogNameError）。"
    assert (code, sentence in said) == (1, True), said
    assert f"- {sentence}" in (tmp_path / "pack/report.zh.md").read_text("utf-8")
    assert rows_of(tmp_path / "pack", "figures/identity/consents")


async def test_a_changed_trail_is_in_the_pack(scene: Scene, stores: Path, tmp_path: Path) -> None:
    async with forged(scene.server.set(database="myili_identity")):
        code, _ = run([str(tmp_path / "pack")], auditors(scene, stores))
    assert code == 1
    report = (tmp_path / "pack/report.zh.md").read_text("utf-8")
    assert "| identity | **不一致，1 处** |" in report
    assert "clients myili-app: redirect_uris changed since it was sealed." in report


@contextlib.asynccontextmanager
async def forged(url: URL) -> AsyncIterator[None]:
    change = "UPDATE clients SET redirect_uris = $1 WHERE client_id = 'myili-app'"
    async with administrator(url) as connection:
        before = await connection.fetchval("SELECT redirect_uris FROM clients WHERE client_id = 'myili-app'")
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(change, ["https://thief.example"])
        try:
            yield
        finally:
            await connection.execute(change, before)


@pytest.mark.parametrize(
    "forbidden",
    [
        "DELETE FROM consents",
        "UPDATE persons SET name = NULL",
        "CREATE TABLE mine (id int)",
        "CREATE TEMP TABLE m (i int)",
    ],
)
async def test_the_auditor_reads_and_writes_nowhere(scene: Scene, forbidden: str) -> None:
    own = scene.server.set(username=AUDITOR, password=PASSWORD, database="myili_identity")
    connection = await asyncpg.connect(own.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        assert await connection.fetchval("SELECT count(*) FROM consents") == 2
        await connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(forbidden)
    finally:
        await connection.close()


async def test_a_table_of_a_later_migration_is_read_too(scene: Scene) -> None:
    url = scene.server.set(database="myili_identity")
    async with administrator(url) as connection:
        await connection.execute('SET ROLE "myili_identity_owner"')
        await connection.execute("CREATE TABLE later (id int)")
    own = url.set(username=AUDITOR, password=PASSWORD, drivername="postgresql")
    connection = await asyncpg.connect(own.render_as_string(hide_password=False))
    assert await connection.fetchval("SELECT count(*) FROM later") == 0
    await connection.close()


async def test_the_auditor_finds_a_role_that_was_never_granted(scene: Scene, stores: Path) -> None:
    given = auditors(scene, stores)
    reader = {"MYILI_DATABASE_URL": given["MYILI_DATABASE_URL"]}
    right, said = run([], reader, "deploy.staff_roles")
    assert (right, said) == (0, "0 differences between the services' copies and svc_identity.\n")
    forged = (
        "INSERT INTO staff_roles VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'operator', NULL, "
        "NULL, now() - interval '9 days', now() - interval '9 days', now() - interval '8 days', NULL) "
        "RETURNING membership_id"
    )
    async with administrator(scene.server.set(database="myili_payments")) as connection:
        forged_id = await connection.fetchval(forged)
        code, said = run([], reader, "deploy.staff_roles")
        await connection.execute("DELETE FROM staff_roles")
    assert (code, said.splitlines()[0]) == (1, f"payments: role {forged_id} is held there and was never granted")


def test_nothing_is_written_over_another_pack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "SHA256SUMS").write_text("")
    assert main([str(tmp_path)]) == 2
    assert "a pack needs a new or empty folder" in capsys.readouterr().err


def test_another_word_is_answered_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["--help"]) == 2
    assert capsys.readouterr().err.startswith("usage: python -m deploy.evidence FOLDER | grant\n")
