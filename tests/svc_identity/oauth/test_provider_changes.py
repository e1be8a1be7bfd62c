"""A provider's client follows its connection: suspension, resumption, and the keys in force."""

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.testing import Tokens
from svc_identity.oauth.consumers import ProviderChanged, follow_provider
from tests.svc_identity.oauth.providers import Key, ProviderSystem, new_key
from tests.svc_identity.oauth.test_client_credentials import INVALID_CLIENT, registered
from tests.svc_identity.oauth.test_codes import refusal


async def changed(
    database: Database, provider: ProviderSystem, revision: int, *keys: Key, suspended: bool = False
) -> None:
    """The connection of the provider after a change, with these keys or its first one."""
    data = {
        "provider_id": provider.provider_id,
        "revision": revision,
        "jwks": KeySet(list(keys) or [provider.key]).as_dict(private=False),
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
