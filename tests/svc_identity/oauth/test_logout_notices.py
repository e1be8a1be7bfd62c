"""An app that has registered an address is notified of its sign-ins that have ended, until it takes the notice."""

import asyncio
import threading
from argparse import Namespace
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from joserfc import jwt
from sqlalchemy import func, select, update

from chassis.db import Database, new_id
from chassis.testing import Tokens
from svc_identity.oauth import apps
from svc_identity.oauth.issuer import RESIDENT_SCOPES, Issuer
from svc_identity.oauth.models import Client, LogoutNotice
from svc_identity.oauth.worker import Notifier
from svc_identity.settings import Settings
from tests.svc_identity.app_client import REDIRECT_URI, AppClient
from tests.svc_identity.conftest import PUBLIC_URL
from tests.svc_identity.oauth.providers import ProviderSystem
from tests.svc_identity.oauth.test_client_credentials import registered

EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Receiver:
    """The server of an app."""

    def __init__(self) -> None:
        self.status = 200
        self.received: list[dict[str, list[str]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.received.append(parse_qs(body))
                self.send_response(receiver.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/logout"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


async def registered_app(database: Database, notified: str | None) -> str:
    client_id = f"app-{new_id().hex[-12:]}"
    given = Namespace(
        client_id=client_id,
        scope=list(RESIDENT_SCOPES),
        redirect_uri=[REDIRECT_URI],
        post_logout_redirect_uri=["https://app.test/bye"],
        backchannel_logout_uri=notified,
        dpop="optional",
        devices=False,
        jwks=None,
        pairwise=False,
    )
    await apps.register_app(database, given)
    return client_id


async def signed_out(app_client: AppClient, client_id: str, phone: str) -> dict[str, Any]:
    """The tokens of a sign-in that the app has ended."""
    code = await app_client.sign_in(phone, client_id=client_id)
    issued: dict[str, Any] = (await app_client.redeem(code, client_id=client_id)).json()
    data = {"client_id": client_id, "token": issued["refresh_token"]}
    for _ in range(2):
        assert (await app_client.api.post("/identity/v1/oauth/revoke", data=data)).status_code == 200
    return issued


async def waiting(database: Database, client_id: str) -> int:
    async with database.read() as tx:
        return await tx.scalar(select(func.count()).where(LogoutNotice.client_id == client_id)) or 0


async def make_due(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.execute(update(LogoutNotice).values(try_at=func.now()))


@pytest.fixture
def notifier(database: Database, settings: Settings) -> Notifier:
    return Notifier(database, Issuer.of(settings), only_public=False)


async def test_the_app_is_notified_once_with_a_logout_token(
    app_client: AppClient, database: Database, notifier: Notifier, receiver: Receiver, tokens: Tokens, phone: str
) -> None:
    client_id = await registered_app(database, receiver.url)
    issued = await signed_out(app_client, client_id, phone)
    for _ in range(2):
        await notifier.notify_due()
    (form,) = receiver.received
    token = jwt.decode(form["logout_token"][0], tokens.key, ["ES256"])
    ended = jwt.decode(issued["id_token"], tokens.key, ["ES256"]).claims
    assert token.header["typ"] == "logout+jwt"
    assert token.claims.keys() == {*("iss", "aud", "iat", "exp", "jti", "sub", "sid", "events")}
    assert (token.claims["iss"], token.claims["aud"]) == (f"{PUBLIC_URL}/identity", client_id)
    assert [token.claims[name] for name in ("sub", "sid")] == [ended[name] for name in ("sub", "sid")]
    assert (token.claims["events"], token.claims["exp"] - token.claims["iat"]) == ({EVENT: {}}, 120)
    assert await waiting(database, client_id) == 0


async def test_an_app_without_an_address_is_not_notified(app_client: AppClient, database: Database, phone: str) -> None:
    client_id = await registered_app(database, None)
    await signed_out(app_client, client_id, phone)
    assert await waiting(database, client_id) == 0


@pytest.mark.parametrize("status", [500, 404, 302, 400])
async def test_a_notice_that_is_not_taken_comes_again(
    app_client: AppClient, database: Database, notifier: Notifier, receiver: Receiver, phone: str, status: int
) -> None:
    client_id = await registered_app(database, receiver.url)
    await signed_out(app_client, client_id, phone)
    receiver.status = status
    for _ in range(2):  # the second time it is not due
        await notifier.notify_due()
    assert (len(receiver.received), await waiting(database, client_id)) == (1, 1)
    receiver.status = 204
    await make_due(database)
    await notifier.notify_due()
    assert (len(receiver.received), await waiting(database, client_id)) == (2, 0)


async def test_a_notice_that_nobody_takes_for_a_day_is_dropped(
    app_client: AppClient, database: Database, notifier: Notifier, phone: str
) -> None:
    client_id = await registered_app(database, "http://127.0.0.1:1/logout")
    await signed_out(app_client, client_id, phone)
    await notifier.notify_due()
    assert await waiting(database, client_id) == 1
    async with database.transaction() as tx:
        of_yesterday = LogoutNotice.created_at - func.make_interval(0, 0, 0, 0, 25)
        await tx.execute(update(LogoutNotice).values(created_at=of_yesterday, try_at=func.now()))
    await notifier.notify_due()
    assert await waiting(database, client_id) == 0


@pytest.mark.parametrize("address", ["http", "https://127.0.0.1/logout", "https://10.0.0.1/logout", "https://[::1]/x"])
async def test_our_own_network_is_not_called(
    app_client: AppClient, database: Database, settings: Settings, receiver: Receiver, phone: str, address: str
) -> None:
    client_id = await registered_app(database, receiver.url if address == "http" else address)
    await signed_out(app_client, client_id, phone)
    await Notifier(database, Issuer.of(settings), only_public=True).notify_due()
    assert (receiver.received, await waiting(database, client_id)) == ([], 1)
    async with database.transaction() as tx:
        await tx.execute(update(Client).where(Client.client_id == client_id).values(backchannel_logout_uri=None))
    await make_due(database)
    await Notifier(database, Issuer.of(settings), only_public=True).notify_due()
    assert await waiting(database, client_id) == 0


@pytest.mark.parametrize(
    "address",
    [
        *("", "x", "http://app.test/x", "javascript:alert(1)", "https://app.test/#x", "https://a@app.test/x", "data:x"),
        *("https://例子.test/x", "https://app.test/ x", "http://127.0.0.1:8000/x", "http://localhost/x", "file:///x"),
    ],
)
def test_an_app_is_registered_with_safe_addresses_only(address: str) -> None:
    for check in (apps.check_return_address, apps.check_notice_address):
        with pytest.raises(ValueError, match=r"."):
            check(address)


def test_other_addresses_are_registered() -> None:
    for address in ("https://app.test/x", "my-app://back", "http://127.0.0.1/x", "http://[::1]/x"):
        assert apps.check_return_address(address) == address
    assert apps.check_notice_address("https://app.test/logout") == "https://app.test/logout"
    with pytest.raises(ValueError, match="https"):
        apps.check_notice_address("my-app://back")


async def test_a_system_is_no_app(database: Database) -> None:
    provider = await registered(database, ProviderSystem())
    given = Namespace(client_id=provider.provider_id, scope=["openid"], redirect_uri=[REDIRECT_URI])
    with pytest.raises(ValueError, match=r"."):
        await apps.register_app(database, given)


async def test_the_command_registers_an_app(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(apps, "load", lambda _kind: settings)
    name = f"app-{new_id().hex[-12:]}"
    addresses = ["--redirect-uri", "https://app.test/x", "--backchannel-logout-uri", "https://app.test/logout"]
    assert await asyncio.to_thread(apps.main, [name, "--scope", "openid", *addresses]) == 0
    assert capsys.readouterr().out == f"{name} is registered.\n"
    assert await asyncio.to_thread(apps.main, ["X", "--scope", "openid", *addresses]) == 2
    with pytest.raises(SystemExit):
        await asyncio.to_thread(apps.main, [name, "--scope", "openid", "--redirect-uri", "http://evil.test"])
