"""The merchant at the payment channel stand-in: its keys, its calls, and the notices it accepts."""

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from kit.signatures.keys import load_public_keys
from kit.signatures.messages import Answer, Request, sign_request, verify_answer, verify_request
from tests.deploy.sandboxes.processes import Received

MERCHANT_KEY = generate_private_key(public_exponent=65537, key_size=2048)
CHANNEL_KEY = generate_private_key(public_exponent=65537, key_size=2048)
MERCHANT_ID = "my-ili"
ACCOUNT = {"account": "wallet-1"}


def private_pem(key: RSAPrivateKey) -> str:
    encoding, encryption = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, encryption).decode()


def public_pem(key: RSAPrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(encoding, form).decode()


CHANNEL_KEYS = load_public_keys(public_pem(CHANNEL_KEY))
KEYS = {
    "MYILI_CHANNEL_PRIVATE_KEY": private_pem(CHANNEL_KEY),
    "MYILI_MERCHANT_PUBLIC_KEY": public_pem(MERCHANT_KEY),
}


def merchant_headers(
    url: str, body: bytes = b"", method: str = "POST", *, recipient: str = "sandbox", key: RSAPrivateKey = MERCHANT_KEY
) -> dict[str, str]:
    return sign_request(key, recipient, method, url, body)


def place_of(channel: httpx.Client, path: str) -> str:
    return f"{str(channel.base_url).rstrip('/')}{path}"


def call(channel: httpx.Client, method: str, path: str, content: object = None) -> httpx.Response:
    """As the merchant: a signed request, and an answer that must be signed by the channel."""
    body = b"" if content is None else json.dumps(content).encode()
    url = place_of(channel, path)
    headers = merchant_headers(url, body, method)
    answer = channel.request(method, path, content=body, headers=headers)
    signed = Answer(answer.status_code, answer.headers, Request(method, url, headers))
    verify_answer(CHANNEL_KEYS, signed, answer.content)
    return answer


def order(number: str, **changes: object) -> dict[str, object]:
    return {
        "merchant_id": MERCHANT_ID,
        "order_number": number,
        "amount_fen": 4140,
        "description": "水费 2025-10",
        "notify_url": "http://127.0.0.1:9/nobody",
        "expires_at": (datetime.now(UTC) + timedelta(minutes=15)).isoformat(),
        **changes,
    }


def query(channel: httpx.Client, number: str, merchant_id: str = MERCHANT_ID) -> httpx.Response:
    return call(channel, "GET", f"/orders/{number}?merchant_id={merchant_id}")


def pay(channel: httpx.Client, number: str, body: object = None) -> httpx.Response:
    return channel.post(f"/cashier/{number}", json=body or ACCOUNT)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(0.02)


def accepted(notice: Received) -> dict[str, object]:
    url = f"http://{notice.headers['Host']}{notice.path}"
    verify_request(CHANNEL_KEYS, MERCHANT_ID, Request("POST", url, notice.headers), notice.body)
    content: dict[str, object] = json.loads(notice.body)
    return content
