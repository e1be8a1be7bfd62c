"""What was approved, byte for byte, is signed, and anybody can verify it with the published keys."""

import asyncio
import base64
import hashlib
import json
from datetime import timedelta

import pytest
import time_machine
from cryptography.exceptions import InvalidSignature
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic import SecretStr
from sqlalchemy import delete, func, select, text

from chassis.db import Database, new_id, now
from chassis.testing import client_of, until
from svc_miniapps.app import create_app
from svc_miniapps.catalogue.deltas.patches import applied
from svc_miniapps.catalogue.deltas.worker import make_deltas
from svc_miniapps.packages.statements import PackageSigner, signer_of
from svc_miniapps.packages.store import opened
from svc_miniapps.publishing.signatures.models import PackageSignature
from svc_miniapps.publishing.signatures.service import sign_missing
from svc_miniapps.settings import Settings
from tests.databases import as_administrator
from tests.signing_keys import new_pem
from tests.svc_miniapps.catalogue.test_deltas import fresh, offered, publish
from tests.svc_miniapps.catalogue.test_gray_updates import own_changes
from tests.svc_miniapps.catalogue.test_updates import on_phone
from tests.svc_miniapps.publishing.signatures.verification import fits, stated_by_hand
from tests.svc_miniapps.publishing.take_downs.test_take_downs import taken_down
from tests.svc_miniapps.stage import Json, Stage, package_of

KEYS = "/miniapps/v1/keys"


async def keys(stage: Stage) -> Json:
    answer = await stage.api.get(KEYS)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=300")
    found: Json = answer.json()
    return found


async def listing(stage: Stage, app: Json) -> Json:
    found: Json = (await stage.api.get(f"/miniapps/v1/catalogue/{app['app_id']}")).json()
    return found


async def signed(database: Database) -> int:
    async with database.read() as tx:
        return await tx.scalar(select(func.count()).select_from(PackageSignature)) or 0


async def forget_signatures(database: Database) -> None:
    """As before there were any; the trail lets no row go, so its triggers are off."""
    administrator = Database(as_administrator(database.engine.url))
    async with administrator.transaction() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = replica"))
        await tx.execute(delete(PackageSignature))
    await administrator.close()


async def test_strangers_verify_what_they_have_downloaded(stage: Stage) -> None:
    app = await stage.registered()
    await stage.published(app)
    shown, published = await listing(stage, app), await keys(stage)
    answer = await stage.api.get(shown["package_url"])
    assert answer.headers["package-signature"] == shown["signature"]
    assert fits(published, shown["signature"], app["app_id"], answer.content)
    stated = stated_by_hand(published, shown["signature"])
    assert stated == {
        "app_id": app["app_id"],
        "approved_at": stated["approved_at"],
        "sha256": hashlib.sha256(answer.content).hexdigest(),
        "size_bytes": len(answer.content),
        "version_code": 1,
    }
    assert (await stage.catalogue())[0]["signature"] == shown["signature"]


async def test_the_published_keys_are_public_halves_alone(stage: Stage) -> None:
    (key,) = (await keys(stage))["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")


async def test_other_bytes_another_app_and_another_key_do_not_fit(stage: Stage) -> None:
    app = await stage.registered()
    await stage.published(app)
    signature, published = (await listing(stage, app))["signature"], await keys(stage)
    assert not fits(published, signature, app["app_id"], package_of(app, 2))
    assert not fits(published, signature, str(new_id()), package_of(app))
    header, _, mark = signature.split(".")
    stated = {**stated_by_hand(published, signature), "version_code": 2}
    forged = base64.urlsafe_b64encode(json.dumps(stated).encode()).decode().rstrip("=")
    with pytest.raises(InvalidSignature):
        stated_by_hand(published, f"{header}.{forged}.{mark}")
    other = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    with pytest.raises(JoseError):
        fits({"keys": [other.as_dict(private=False)]}, signature, app["app_id"], package_of(app))


async def test_nothing_is_signed_before_it_is_approved(stage: Stage, database: Database, settings: Settings) -> None:
    app = await stage.registered()
    release_id = await stage.draft(app)
    for step in ("submit", "reject", "submit"):
        assert (await stage.step(release_id, step)).status_code == 200
        assert await sign_missing(database, signer_of(settings)) == 0
    assert (await stage.step(release_id, "approve", stage.team)).status_code == 403
    assert await signed(database) == 0
    assert (await stage.step(release_id, "approve")).status_code == 200
    assert await signed(database) == 1


async def test_the_worker_signs_versions_from_before(stage: Stage, database: Database, settings: Settings) -> None:
    app = await stage.registered()
    await stage.published(app)
    before = (await listing(stage, app))["signature"]
    await forget_signatures(database)
    await fresh(stage)
    assert (await listing(stage, app))["signature"] is None
    assert "package-signature" not in (await stage.api.get((await listing(stage, app))["package_url"])).headers
    assert await sign_missing(database, signer_of(settings)) == 1
    assert await sign_missing(database, signer_of(settings)) == 0

    async def shown() -> str | None:
        signature: str | None = (await listing(stage, app))["signature"]
        return signature

    after = await until(shown)  # the copy of the catalogue sees it without any operation of this process
    assert stated_by_hand(await keys(stage), after) == stated_by_hand(await keys(stage), before)


async def test_a_new_key_signs_all_anew_while_the_old_one_is_still_published(
    stage: Stage, database: Database, settings: Settings
) -> None:
    app = await stage.registered()
    await stage.published(app)
    old = (await listing(stage, app))["signature"]
    pem = settings.package_signing_key.get_secret_value()
    both = f"{pem}Signs-From: {now() + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}\n{new_pem()}"
    rotating = settings.model_copy(update={"package_signing_key": SecretStr(both)})
    async with client_of(create_app(rotating)) as api:
        other = Stage(api, stage.tokens)
        assert await sign_missing(database, signer_of(rotating)) == 0
        with time_machine.travel(now() + timedelta(hours=2)):
            assert await sign_missing(database, signer_of(rotating)) == 1
            published = await keys(other)
            new = (await listing(other, app))["signature"]
            assert len(published["keys"]) == 2
            assert new != old
            assert stated_by_hand(published, new) == stated_by_hand(published, old)
        with time_machine.travel(now() + timedelta(days=368)):
            assert len((await keys(other))["keys"]) == 1
            assert stated_by_hand(await keys(other), new)["app_id"] == app["app_id"]


async def test_a_take_down_changes_no_key_and_ends_what_is_signed(stage: Stage) -> None:
    app, other = await stage.registered(), await stage.registered(name="图书馆")
    for each in (app, other):
        await stage.published(each)
    before, package_url = await keys(stage), (await listing(stage, app))["package_url"]
    await taken_down(stage, app)
    assert (await stage.api.get(f"/miniapps/v1/catalogue/{app['app_id']}")).status_code == 404
    assert (await stage.api.get(package_url)).status_code == 404
    assert await keys(stage) == before
    assert fits(before, (await listing(stage, other))["signature"], other["app_id"], package_of(other))


async def test_what_a_delta_makes_has_the_signed_digest(stage: Stage, database: Database, settings: Settings) -> None:
    app = await stage.registered()
    first = await publish(stage, app, 1)
    await publish(stage, app, 2)
    await make_deltas(database, opened(settings.packages))
    await fresh(stage)
    update = await offered(stage, app, first)
    made = applied(first, (await stage.api.get(update["delta"]["url"])).content, update["size_bytes"])
    assert fits(await keys(stage), update["signature"], app["app_id"], made)


async def test_a_gray_version_has_its_own_signature(stage: Stage) -> None:
    app, tester = await stage.registered(), new_id()
    await stage.published(app)
    named = await stage.api.put(f"/miniapps/v1/apps/{app['app_id']}/testers/{tester}", headers=stage.team)
    assert named.status_code == 200
    await stage.gray(app)
    (update,) = await own_changes(stage, stage.person(person_id=tester), on_phone(app))
    assert stated_by_hand(await keys(stage), update["signature"])["version_code"] == 2
    answer = await stage.api.get(update["package_url"])
    assert answer.headers["package-signature"] == update["signature"]


async def test_workers_that_sign_at_once_agree(stage: Stage, database: Database, settings: Settings) -> None:
    apps = [await stage.registered(name=name) for name in ("停车", "图书馆", "公交到站")]
    for app in apps:
        await stage.published(app)
    signer: PackageSigner = signer_of(settings.model_copy(update={"package_signing_key": SecretStr(new_pem())}))
    await asyncio.gather(*(sign_missing(database, signer) for _ in range(4)))
    async with database.read() as tx:
        assert set(await tx.scalars(select(PackageSignature.kid))) == {signer.kid}
    assert await signed(database) == 3
