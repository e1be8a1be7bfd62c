"""Expired rows are deleted; rows in use stay."""

import time
from typing import Any

import pytest
import time_machine
from sqlalchemy import delete, func, select

from chassis.db import Database
from svc_identity.oauth.models import AuthorizationCode, TokenFamily, UsedAssertion
from svc_identity.sign_in.models import SentCode, SignIn
from svc_identity.worker import prune_what_expired
from tests.svc_identity.app_client import AppClient
from tests.svc_identity.oauth.providers import ProviderSystem

HOUR, DAY = 3_600, 86_400
KINDS = (AuthorizationCode, UsedAssertion, SignIn, SentCode, TokenFamily)


async def forget_other_tests(database: Database) -> None:
    """Some of them moved the clock, and left rows of days to come."""
    async with database.transaction() as tx:
        for kind in KINDS:
            await tx.execute(delete(kind))


async def counts(database: Database) -> dict[Any, int]:
    async with database.read() as tx:
        return {kind: await tx.scalar(select(func.count()).select_from(kind)) or 0 for kind in KINDS}


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [
        (0, set(KINDS)),
        (2 * HOUR, {SentCode, TokenFamily}),
        (2 * DAY, {TokenFamily}),
        (181 * DAY, set()),
    ],
)
async def test_each_row_is_kept_as_long_as_it_is_valid(
    database: Database, app_client: AppClient, phone: str, seconds: int, kept: set[Any]
) -> None:
    await forget_other_tests(database)
    provider = ProviderSystem()
    async with database.transaction() as tx:
        await provider.register(tx)
    await provider.token(app_client.api)
    refresh_token = (await app_client.tokens(phone))["refresh_token"]
    with time_machine.travel(time.time() + 61):
        await app_client.sign_in(phone)
        with time_machine.travel(time.time() + seconds):
            await prune_what_expired(database)
            left = {kind for kind, count in (await counts(database)).items() if count}
            assert left == kept
    if seconds == 2 * HOUR:
        assert (await app_client.refresh(refresh_token)).status_code == 200
