"""Which key signed when is kept, with its public part only."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import time_machine
from joserfc.jwk import ECKey
from sqlalchemy import select

from chassis.db import Database
from chassis.testing import until
from svc_identity.keys import Signer
from svc_identity.oauth.signing_keys.models import SigningKeyTerm
from svc_identity.oauth.signing_keys.service import note_signing_key
from svc_identity.settings import Settings
from tests.svc_identity.conftest import running

ISSUER = "https://gateway.test/identity"


def new_pem() -> str:
    return ECKey.generate_key("P-256").as_pem(private=True).decode()


async def terms(database: Database, kid: str | None) -> list[SigningKeyTerm]:
    async with database.read() as tx:
        of_kid = select(SigningKeyTerm).where(SigningKeyTerm.kid == kid).order_by(SigningKeyTerm.began_at)
        return [*await tx.scalars(of_kid)]


async def test_a_process_notes_the_key_with_which_it_signs_as_it_starts(database: Database, settings: Settings) -> None:
    pem = new_pem()
    kid = Signer(ISSUER, pem).key.kid

    async def noted() -> bool:
        return bool(await terms(database, kid))

    async with running(settings, token_signing_key=pem):
        await until(noted)
    (term,) = await terms(database, kid)
    assert term.jwk.keys() >= {"kty", "crv", "x", "y"}
    assert "d" not in term.jwk


async def test_a_key_that_takes_over_begins_its_own_term_and_the_old_one_is_seen_no_longer(database: Database) -> None:
    begins = (datetime.now(UTC) + timedelta(seconds=61)).replace(microsecond=0)
    signer = Signer(ISSUER, f"{new_pem()}Signs-From: {begins:%Y-%m-%dT%H:%M:%SZ}\n{new_pem()}")
    old = signer.key.kid
    await note_signing_key(database, signer)
    with time_machine.travel(time.time() + 40):
        await note_signing_key(database, signer)
    with time_machine.travel(time.time() + 80):
        new = signer.key.kid
        await note_signing_key(database, signer)
    (first,), (second,) = await terms(database, old), await terms(database, new)
    assert first.seen_at - first.began_at > timedelta(seconds=30)
    assert first.seen_at < begins <= second.began_at


async def test_processes_that_note_at_once_share_a_term(database: Database) -> None:
    signer = Signer(ISSUER, new_pem())
    await asyncio.gather(*(note_signing_key(database, signer) for _ in range(8)))
    assert len(await terms(database, signer.key.kid)) == 1


async def test_a_key_that_signs_again_after_a_rest_has_another_term(database: Database) -> None:
    signer = Signer(ISSUER, new_pem())
    await note_signing_key(database, signer)
    with time_machine.travel(time.time() + 3_600):
        await note_signing_key(database, signer)
    assert len(await terms(database, signer.key.kid)) == 2
    await note_signing_key(database, signer)  # a clock that was set back
    assert len(await terms(database, signer.key.kid)) == 2
