"""Which access tokens a service accepts, and how often it fetches the issuer's keys."""

import base64
import hmac
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from pydantic import BaseModel

from chassis.auth import TokenVerifier
from chassis.problems import Problem, TryLater
from chassis.settings import AUDIENCE
from chassis.testing import PUBLIC_URL, Tokens
from chassis.tokens import TokenExpired, TokenInvalid

ISSUER = f"{PUBLIC_URL}/identity"


@pytest.fixture
def verifier(tokens: Tokens) -> TokenVerifier:
    return TokenVerifier(tokens.jwks_url, ISSUER)


async def test_a_right_token_names_its_caller(verifier: TokenVerifier, tokens: Tokens) -> None:
    person, organisation = uuid4(), uuid4()
    membership = {"organisation_id": str(organisation), "role": "reviewer", "division_code": "654000"}
    token = tokens.sign(sub=str(person), scope="openid profile", assurance_level=2, memberships=[membership])
    caller = await verifier.verify(token)
    assert (caller.id, caller.kind, caller.assurance_level) == (person, "person", 2)
    assert caller.scopes == {"openid", "profile"}
    assert caller.memberships_as("reviewer")[0].organisation_id == organisation
    assert caller.memberships_as("operator") == []


@pytest.mark.parametrize(
    ("claims", "refusal"),
    [
        ({"exp": int(time.time()) - 60}, TokenExpired),
        ({"exp": None}, TokenInvalid),
        ({"iss": "http://elsewhere.test/identity"}, TokenInvalid),
        ({"aud": "another-platform"}, TokenInvalid),
        ({"aud": None}, TokenInvalid),
        ({"nbf": int(time.time()) + 3_600}, TokenInvalid),
        ({"typ": "JWT"}, TokenInvalid),
        ({"kind": "operator"}, TokenInvalid),
        ({"memberships": [{"role": "operator"}]}, TokenInvalid),
        ({"sub": None}, TokenInvalid),
    ],
    ids=map(str, count()),  # claims hold times and new ids, and every test process needs the same names
)
async def test_wrong_claims_are_refused(
    verifier: TokenVerifier, tokens: Tokens, claims: dict[str, Any], refusal: type[Problem]
) -> None:
    with pytest.raises(refusal):
        await verifier.verify(tokens.sign(**claims))


async def test_a_key_of_somebody_else_with_our_key_id_is_refused(verifier: TokenVerifier, tokens: Tokens) -> None:
    forged = ECKey.generate_key("P-256", {"kid": str(tokens.key.kid)})
    with pytest.raises(TokenInvalid):
        await verifier.verify(tokens.sign(key=forged))


async def test_an_unsigned_token_is_refused(verifier: TokenVerifier, tokens: Tokens) -> None:
    _header, payload, _signature = tokens.sign().split(".")
    header = _base64url(b'{"alg":"none","typ":"at+jwt"}')
    with pytest.raises(TokenInvalid):
        await verifier.verify(f"{header}.{payload}.")


async def test_our_public_key_used_as_a_shared_secret_is_refused(verifier: TokenVerifier, tokens: Tokens) -> None:
    header = _base64url(json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": tokens.key.kid}).encode())
    signed = f"{header}.{tokens.sign().split('.')[1]}"
    signature = hmac.digest(tokens.key.as_pem(private=False), signed.encode(), "sha256")
    with pytest.raises(TokenInvalid):
        await verifier.verify(f"{signed}.{_base64url(signature)}")


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def test_another_algorithm_is_refused_even_when_rightly_signed(verifier: TokenVerifier) -> None:
    key = RSAKey.generate_key(2048)
    forged = jwt.encode({"alg": "RS256", "typ": "at+jwt"}, {"sub": "x"}, key, algorithms=["RS256"])
    with pytest.raises(TokenInvalid):
        await verifier.verify(forged)


@pytest.mark.parametrize("garbage", ["", ".", "a.b.c", "é" * 20, "x" * 20_000, "eyJhbGciOiJFUzI1NiJ9..", "[" * 5_000])
async def test_garbage_is_refused(verifier: TokenVerifier, garbage: str) -> None:
    with pytest.raises(TokenInvalid):
        await verifier.verify(garbage)


class Voucher(BaseModel):
    """The claims of another kind of token of the issuer."""

    sub: str
    prize: int


async def test_another_kind_of_token_is_recognised_by_its_type_and_audience(
    verifier: TokenVerifier, tokens: Tokens
) -> None:
    kind: dict[str, Any] = {"typ": "voucher+jwt", "aud": "myili:prizes"}

    async def verify(**changes: Any) -> Voucher:  # noqa: ANN401 - claims
        token = tokens.sign(**{"sub": "x", "prize": 3, **kind, **changes})
        return await verifier.verify_statement(token, Voucher, typ="voucher+jwt", audience="myili:prizes")

    assert await verify() == Voucher(sub="x", prize=3)
    for wrong in ({"typ": "at+jwt"}, {"aud": AUDIENCE}, {"aud": None}, {"prize": "many"}, {"iss": "http://else.test"}):
        with pytest.raises(TokenInvalid):
            await verify(**wrong)
    with pytest.raises(TokenExpired):
        await verify(exp=int(time.time()) - 60)
    with pytest.raises(TokenInvalid):
        await verifier.verify(tokens.sign(**kind))


async def test_a_remembered_token_is_refused_once_it_has_expired(verifier: TokenVerifier, tokens: Tokens) -> None:
    token = tokens.sign(exp=int(time.time()) + 600)
    await verifier.verify(token)
    with time_machine.travel(time.time() + 600 + 31), pytest.raises(TokenExpired):  # clocks may differ by 30 s
        await verifier.verify(token)


class _Issuer:
    """A key server that counts its requests and can rotate its key."""

    def __init__(self) -> None:
        self.requests = 0
        self.is_lost = False
        self.key = ECKey.generate_key("P-256", auto_kid=True)
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests += 1
                self.send_response(503 if issuer.is_lost else 200)
                self.end_headers()
                self.wfile.write(json.dumps({"keys": [issuer.key.as_dict(private=False)]}).encode())

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def issuer() -> Iterator[_Issuer]:
    issuer = _Issuer()
    yield issuer
    issuer.server.shutdown()
    issuer.server.server_close()


async def test_many_unknown_keys_do_not_make_many_requests_to_the_issuer(issuer: _Issuer, tokens: Tokens) -> None:
    verifier = TokenVerifier(issuer.url, ISSUER)
    for _ in range(20):
        stranger = ECKey.generate_key("P-256", auto_kid=True)
        with pytest.raises(TokenInvalid):
            await verifier.verify(tokens.sign(key=stranger))
    assert issuer.requests == 1


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
async def test_no_key_or_address_in_a_token_is_used(issuer: _Issuer, tokens: Tokens, name: str) -> None:
    attacker, ours = issuer, tokens
    address = f"{attacker.url}/keys"
    offered = {"jwk": attacker.key.as_dict(private=False), "jku": address, "x5u": address, "x5c": ["MIIB"]}[name]
    verifier = TokenVerifier(ours.jwks_url, ISSUER)
    claims = json.loads(base64.urlsafe_b64decode(ours.sign().split(".")[1] + "=="))
    for kid in (str(attacker.key.kid), str(ours.key.kid)):
        forged = jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": kid, name: offered}, claims, attacker.key)
        with pytest.raises(TokenInvalid):
            await verifier.verify(forged)
    assert attacker.requests == 0


async def test_a_new_key_of_the_issuer_is_found(
    issuer: _Issuer, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.tokens._REFETCH_SECONDS", 0.0)
    verifier = TokenVerifier(issuer.url, ISSUER)
    old = tokens.sign(key=issuer.key)
    await verifier.verify(old)
    issuer.key = ECKey.generate_key("P-256", auto_kid=True)
    await verifier.verify(tokens.sign(key=issuer.key))
    with pytest.raises(TokenInvalid):
        await verifier.verify(old)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The clock by which keys grow old: the tokens do not."""
    clock = SimpleNamespace(seconds=1_000.0)
    monkeypatch.setattr("chassis.tokens.time", SimpleNamespace(monotonic=lambda: clock.seconds))
    return clock


async def test_a_withdrawn_key_is_refused_within_five_minutes(
    issuer: _Issuer, tokens: Tokens, clock: SimpleNamespace
) -> None:
    verifier = TokenVerifier(issuer.url, ISSUER)
    remembered, later = tokens.sign(key=issuer.key), tokens.sign(key=issuer.key)
    await verifier.verify(remembered)
    issuer.key = ECKey.generate_key("P-256", auto_kid=True)
    clock.seconds += 239
    await verifier.verify(remembered)
    clock.seconds += 60
    for token in (later, remembered):
        with pytest.raises(TokenInvalid):
            await verifier.verify(token)
    assert issuer.requests == 2


async def test_a_lost_issuer_leaves_the_known_keys_and_is_not_asked_by_every_request(
    issuer: _Issuer, tokens: Tokens, clock: SimpleNamespace
) -> None:
    verifier = TokenVerifier(issuer.url, ISSUER)
    token = tokens.sign(key=issuer.key)
    await verifier.verify(token)
    issuer.is_lost = True
    clock.seconds += 299
    for _ in range(5):
        await verifier.verify(token)
        clock.seconds += 1
    assert issuer.requests == 2
    issuer.is_lost, issuer.key = False, ECKey.generate_key("P-256", auto_kid=True)
    clock.seconds += 10
    with pytest.raises(TokenInvalid):
        await verifier.verify(token)


async def test_without_keys_the_answer_is_to_try_later(tokens: Tokens) -> None:
    with pytest.raises(TryLater):
        await TokenVerifier("http://127.0.0.1:1/jwks", ISSUER).verify(tokens.sign())
