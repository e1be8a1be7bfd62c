"""A provider's client follows its connection: suspension, resumption, and the keys in force."""

from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from chassis.db import Database, new_id, now
from chassis.inbox import Poison, Received
from chassis.testing import Tokens, emitted
from svc_identity.oauth.consumers import ProviderChanged, follow_provider
from tests.svc_identity.oauth.providers import Key, ProviderSystem, new_key
from tests.svc_identity.oauth.test_client_credentials import INVALID_CLIENT, registered
from tests.svc_identity.oauth.test_codes import refusal


async def changed(
    database: Database, provider: ProviderSystem, revision: int, *keys: Key, suspended: bool = False
) -> None:
    """The connection of the provider after a change, with these keys or its first one."""
    jwks = KeySet(list(keys) or [provider.key]).as_dict(private=False)
    await follow(database, provider, revision, dict(jwks), suspended=suspended)


async def follow(
    database: Database, provider: ProviderSystem, revision: int, jwks: dict[str, Any], *, suspended: bool = False
) -> None:
    data = {
        "provider_id": provider.provider_id,
        "revision": revision,
        "jwks": jwks,
        "suspended_at": now() if suspended else None,
    }
    event = Received(new_id(), "cn.ili.services.provider.updated.v1", now(), ProviderChanged.model_validate(data))
    async with database.transaction() as tx:
        await follow_provider(tx, event)


async def test_a_token_names_the_key_that_proved_the_client(
    api: httpx.AsyncClient, database: Database, tokens: Tokens
) -> None:
    provider, second = await registered(database, ProviderSystem()), new_key()
    await changed(database, provider, 1, provider.key, second)
    for key in (provider.key, second):
        signing = ProviderSystem(key, provider_id=provider.provider_id)
        token = jwt.decode((await signing.token(api)).json()["access_token"], tokens.key, ["ES256"])
        assert token.claims["client_key"] == key.thumbprint()
    without_kid = await provider.token(api, provider.assertion(header={"alg": "ES256"}))
    assert refusal(without_kid) == INVALID_CLIENT


async def test_a_suspended_client_gets_no_token_until_it_is_resumed(api: httpx.AsyncClient, database: Database) -> None:
    provider = await registered(database, ProviderSystem())
    await changed(database, provider, 1, suspended=True)
    assert refusal(await provider.token(api)) == INVALID_CLIENT
    await changed(database, provider, 2)
    assert (await provider.token(api)).status_code == 200


async def test_an_ended_key_proves_nothing_and_the_others_do(api: httpx.AsyncClient, database: Database) -> None:
    provider, fresh = await registered(database, ProviderSystem()), new_key()
    await changed(database, provider, 1, fresh)
    assert refusal(await provider.token(api)) == INVALID_CLIENT
    assert (await ProviderSystem(fresh, provider_id=provider.provider_id).token(api)).status_code == 200


async def test_a_late_approval_or_an_older_change_restores_no_ended_key(
    api: httpx.AsyncClient, database: Database
) -> None:
    provider, fresh = ProviderSystem(), new_key()
    await changed(database, provider, 3, fresh, suspended=True)
    await changed(database, provider, 2, provider.key)
    async with database.transaction() as tx:
        await provider.register(tx)
    assert refusal(await provider.token(api)) == INVALID_CLIENT
    await changed(database, provider, 4, fresh)
    assert refusal(await provider.token(api)) == INVALID_CLIENT
    assert (await ProviderSystem(fresh, provider_id=provider.provider_id).token(api)).status_code == 200


async def test_a_key_proves_its_client_only_while_it_is_good(api: httpx.AsyncClient, database: Database) -> None:
    provider, second = await registered(database, ProviderSystem()), new_key()
    signing, now_s = ProviderSystem(second, provider_id=provider.provider_id), int(now().timestamp())
    terms = ({"nbf": now_s + 600}, {"exp": now_s - 1}, {"nbf": now_s - 60, "exp": now_s + 600})
    statuses = []
    for revision, times in enumerate(terms, start=1):
        keys = [provider.key.as_dict(private=False), {**second.as_dict(private=False), **times}]
        await follow(database, provider, revision, {"keys": keys})
        statuses.append((await signing.token(api)).status_code)
        assert (await provider.token(api)).status_code == 200
    assert statuses == [401, 401, 200]
    await follow(database, provider, 4, {"keys": [{**second.as_dict(private=False), "exp": now_s - 1}]})
    assert refusal(await signing.token(api)) == INVALID_CLIENT


async def test_times_of_keys_that_are_no_times_are_refused(database: Database) -> None:
    provider = await registered(database, ProviderSystem())
    for times in ({"exp": "soon"}, {"nbf": 1.5}, {"exp": True}, {"exp": 10**20}):
        with pytest.raises(Poison):
            await follow(database, provider, 1, {"keys": [{**provider.key.as_dict(private=False), **times}]})


async def test_an_unknown_key_of_a_client_whose_keys_are_fetched_is_announced_once_a_minute(
    api: httpx.AsyncClient, database: Database
) -> None:
    fetched, brought = ProviderSystem(), await registered(database, ProviderSystem())
    async with database.transaction() as tx:
        data = {
            **fetched.approved().data.model_dump(),
            "revision": 1,
            "suspended_at": None,
            "jwks_uri": "https://a.test",
        }
        event = Received(new_id(), "cn.ili.services.provider.updated.v1", now(), ProviderChanged.model_validate(data))
        await follow_provider(tx, event)
    for known in (fetched, brought):
        assert (await known.token(api)).status_code == 200
        for _ in range(2):
            other = ProviderSystem(new_key(), provider_id=known.provider_id)
            assert refusal(await other.token(api)) == INVALID_CLIENT
    async with database.read() as tx:
        announced = [event for event in await emitted(tx) if event.type.endswith("client.key_unknown.v1")]
    assert [event.data for event in announced] == [{"client_id": fetched.provider_id}]
