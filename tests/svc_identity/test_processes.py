"""The service and its worker as processes, with a client that knows only the discovery document."""

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from typing import Any

import aiokafka
import httpx
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey

from chassis.db import new_id, now
from chassis.kafka import ensure_topics
from chassis.testing import once, until
from tests.svc_identity.conftest import new_phone
from tests.svc_identity.identities import id_number, new_uscc, proof, wrong_check
from tests.svc_identity.served import Service, discovered, sign_in

NAME = "努尔兰测试"
APPROVED = "cn.ili.services.provider.approved.v1"
APPROVED_TOPIC = "ili.services.provider.v1"


def opened(token: str, jwks: Mapping[str, Any]) -> dict[str, Any]:
    """The claims of an ES256 JWT, verified with nothing but a curve and a hash."""

    def raw(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    def number(part: str) -> int:
        return int.from_bytes(raw(part), "big")

    head, body, signature = token.split(".")
    header = json.loads(raw(head))
    assert header["alg"] == "ES256"
    (key,) = [key for key in jwks["keys"] if key["kid"] == header["kid"]]
    public = ec.EllipticCurvePublicNumbers(number(key["x"]), number(key["y"]), ec.SECP256R1()).public_key()
    r, s = (int.from_bytes(half, "big") for half in (raw(signature)[:32], raw(signature)[32:]))
    public.verify(utils.encode_dss_signature(r, s), f"{head}.{body}".encode(), ec.ECDSA(SHA256()))
    return dict(json.loads(raw(body)))


async def test_a_client_built_from_the_standards_signs_a_resident_in(
    client: httpx.AsyncClient, service: Service
) -> None:
    metadata = await discovered(client)
    tokens, _code = await sign_in(client, service, new_phone())
    jwks = (await client.get(metadata["jwks_uri"])).json()
    access, identity = opened(tokens["access_token"], jwks), opened(tokens["id_token"], jwks)
    assert access["sub"] == identity["sub"]
    assert (identity["nonce"], identity["aud"]) == ("n-1", "myili-app")
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    info = (await client.get(metadata["userinfo_endpoint"], headers=headers)).json()
    assert info["sub"] == access["sub"]
    refreshed = await client.post(
        metadata["token_endpoint"],
        data={"grant_type": "refresh_token", "client_id": "myili-app", "refresh_token": tokens["refresh_token"]},
    )
    assert refreshed.status_code == 200
    ended = {"client_id": "myili-app", "token": refreshed.json()["refresh_token"]}
    assert (await client.post(metadata["revocation_endpoint"], data=ended)).status_code == 200


def provider_approved(provider_id: str, key: ECKey) -> dict[str, Any]:
    """The event of svc_services, as a CloudEvent."""
    return {
        "specversion": "1.0",
        "id": str(new_id()),
        "source": "/services",
        "type": APPROVED,
        "subject": provider_id,
        "time": now().isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "provider_id": provider_id,
            "kind": "water",
            "name": "Sample Water Company",
            "uscc": new_uscc(),
            "division_codes": ["654002"],
            "jwks": {"keys": [key.as_dict(private=False)]},
        },
    }


async def test_an_approved_provider_gets_a_token(client: httpx.AsyncClient, service: Service) -> None:
    key, provider_id = ECKey.generate_key("P-256", auto_kid=True), str(new_id())
    event = provider_approved(provider_id, key)
    await ensure_topics({"bootstrap_servers": service.kafka}, [APPROVED_TOPIC])
    async with aiokafka.AIOKafkaProducer(bootstrap_servers=service.kafka) as producer:
        await producer.send_and_wait(APPROVED_TOPIC, json.dumps(event).encode(), key=provider_id.encode())
    metadata = await discovered(client)

    async def token() -> httpx.Response | None:
        from joserfc import jwt

        seconds = int(now().timestamp())
        claims = {
            "iss": provider_id,
            "sub": provider_id,
            "aud": metadata["issuer"],
            "iat": seconds,
            "exp": seconds + 60,
            "jti": new_id().hex,
        }
        assertion = jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
        }
        answer = await client.post(metadata["token_endpoint"], data=form)
        return answer if answer.status_code == 200 else None

    answer = await until(token, seconds=30)
    assert answer.json()["scope"] == "tariffs:write bills:write accounts:write"


async def test_an_approved_mini_app_may_ask_residents_to_sign_in(client: httpx.AsyncClient, service: Service) -> None:
    app_id, topic, callback = str(new_id()), "ili.miniapps.app.v1", "https://parking.ili.gov.cn/callback"
    rights = {"redirect_uris": [callback], "scopes": ["openid"], "suspended": False}
    event = provider_approved(app_id, ECKey.generate_key("P-256")) | {
        "source": "/miniapps",
        "type": "cn.ili.miniapps.app.client_changed.v1",
        "data": {"app_id": app_id, "revision": 1, **rights},
    }
    await ensure_topics({"bootstrap_servers": service.kafka}, [topic])
    async with aiokafka.AIOKafkaProducer(bootstrap_servers=service.kafka) as producer:
        await producer.send_and_wait(topic, json.dumps(event).encode(), key=app_id.encode())
    metadata = await discovered(client)
    form = {
        "client_id": f"miniapp-{app_id}",
        "redirect_uri": callback,
        "scope": "openid",
        "response_type": "code",
        "code_challenge": "A" * 43,
        "code_challenge_method": "S256",
    }

    async def pushed() -> bool:
        answer = await client.post(metadata["pushed_authorization_request_endpoint"], data=form)
        return answer.status_code == 201

    await until(pushed, seconds=30)


async def test_events_reach_the_topic_with_ids_and_no_personal_data(
    client: httpx.AsyncClient, service: Service
) -> None:
    phone = new_phone()
    tokens, _code = await sign_in(client, service, phone)
    jwks = (await client.get("/identity/v1/oauth/jwks")).json()
    person_id = opened(tokens["access_token"], jwks)["sub"]
    consumer = aiokafka.AIOKafkaConsumer(
        "ili.identity.person.v1", bootstrap_servers=service.kafka, auto_offset_reset="earliest"
    )
    async with consumer, asyncio.timeout(30):
        async for record in consumer:
            if record.key == person_id.encode():
                break
    event = json.loads(record.value)
    assert (event["type"], event["data"]) == ("cn.ili.identity.person.registered.v1", {"person_id": person_id})
    assert phone.encode() not in record.value


async def test_the_logs_hold_no_personal_data_and_no_secret(client: httpx.AsyncClient, service: Service) -> None:
    phone, number = new_phone(), id_number()
    tokens, code = await sign_in(client, service, phone)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    proofing = "/identity/v1/me/proofing"
    bodies: list[dict[str, Any]] = [
        proof(NAME, wrong_check(number)),
        proof(NAME, number),
        proof("李四测试", number),
    ]
    statuses = [(await client.post(proofing, json=body, headers=headers | once())).status_code for body in bodies]
    assert statuses == [422, 200, 422]
    await client.post(proofing, content=b'{"name": "' + NAME.encode(), headers=headers | once())
    await client.get("/identity/v1/me", params={"phone": phone, "name": NAME}, headers=headers)
    refused = {"grant_type": "refresh_token", "client_id": "myili-app", "refresh_token": "x" + tokens["refresh_token"]}
    await client.post("/identity/v1/oauth/token", data=refused)
    written = service.written()
    assert '"route": "/identity/v1/me/proofing"' in written
    for secret in (phone, phone[3:], NAME, "李四测试", number, number[6:], *tokens.values()):
        assert str(secret) in {"Bearer", "600", "openid profile phone offline_access"} or str(secret) not in written
    assert not re.search(rf"\b{code}\b", written)
