"""The signature scheme of calls between systems, and every way to refuse one."""

import base64
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.jwk import KeySet, RSAKey

from chassis.signatures import (
    HEADERS,
    BadSignature,
    load_private_key,
    load_public_keys,
    public_jwks,
    sign,
    thumbprint,
    verify,
)

BODY = '{"amount_fen": 4140, "说明": "水费"}\n'.encode()
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEY_ID = thumbprint(KEY.public_key())
KEYS = {KEY_ID: KEY.public_key()}


PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def private_pem(key: PrivateKey) -> str:
    encoding, encryption = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, encryption).decode()


def public_pem(key: PrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(encoding, form).decode()


def refusal(headers: dict[str, str], body: bytes = BODY, keys: Mapping[str, rsa.RSAPublicKey] = KEYS) -> str:
    with pytest.raises(BadSignature) as refused:
        verify(keys, headers, body)
    return refused.value.reason


@pytest.mark.parametrize("body", [b"", BODY, bytes(range(256))])
def test_what_was_signed_verifies(body: bytes) -> None:
    verify(KEYS, sign(KEY, KEY_ID, body), body)


def test_openssl_accepts_the_signature_over_timestamp_nonce_and_body(tmp_path: Path) -> None:
    headers = sign(KEY, KEY_ID, BODY)
    timestamp, nonce, _, signature = (headers[name] for name in HEADERS)
    (tmp_path / "message").write_bytes(f"{timestamp}\n{nonce}\n".encode() + BODY + b"\n")
    (tmp_path / "signature").write_bytes(base64.b64decode(signature))
    (tmp_path / "key.pem").write_text(public_pem(KEY))
    command = "openssl dgst -sha256 -verify key.pem -signature signature message"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)  # noqa: S603 - fixed command


def test_every_signature_has_its_own_nonce() -> None:
    assert len({sign(KEY, KEY_ID, BODY)["MyIli-Nonce"] for _ in range(50)}) == 50


@pytest.mark.parametrize("body", [BODY[:-1], BODY + b" ", b"", BODY.replace(b"4140", b"4141")])
def test_another_body_is_refused(body: bytes) -> None:
    assert refusal(sign(KEY, KEY_ID, BODY), body) == "wrong_signature"


def test_another_timestamp_or_nonce_is_refused() -> None:
    headers = sign(KEY, KEY_ID, BODY)
    later = str(int(headers["MyIli-Timestamp"]) + 1)
    assert refusal({**headers, "MyIli-Timestamp": later}) == "wrong_signature"
    assert refusal({**headers, "MyIli-Nonce": "0" * 32}) == "wrong_signature"


def test_a_line_moved_between_nonce_and_body_is_refused() -> None:
    headers = sign(KEY, KEY_ID, b"first\nrest")
    moved = {**headers, "MyIli-Nonce": headers["MyIli-Nonce"] + "\nfirst"}
    assert refusal(moved, b"rest") == "headers_malformed"


def test_a_key_that_claims_anothers_id_is_refused() -> None:
    forger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert refusal(sign(forger, KEY_ID, BODY)) == "wrong_signature"


def test_an_unknown_key_is_refused_by_its_own_reason() -> None:
    assert refusal(sign(KEY, "other", BODY)) == "unknown_key"
    assert refusal(sign(KEY, KEY_ID, BODY), keys={}) == "unknown_key"


@pytest.mark.parametrize("name", HEADERS)
def test_a_missing_header_is_refused(name: str) -> None:
    headers = sign(KEY, KEY_ID, BODY)
    del headers[name]
    expected = {"MyIli-Key-Id": "unknown_key", "MyIli-Signature": "wrong_signature"}
    assert refusal(headers) == expected.get(name, "headers_malformed")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MyIli-Timestamp", "1e9"),
        ("MyIli-Timestamp", "-1"),
        ("MyIli-Timestamp", "１７０００００００００"),
        ("MyIli-Nonce", "abc"),
        ("MyIli-Nonce", "z" * 32),
    ],
)
def test_a_malformed_header_is_refused(name: str, value: str) -> None:
    assert refusal({**sign(KEY, KEY_ID, BODY), name: value}) == "headers_malformed"


@pytest.mark.parametrize("signature", ["not base64!", "签名", base64.b64encode(b"short").decode()])
def test_what_is_no_signature_is_refused(signature: str) -> None:
    assert refusal({**sign(KEY, KEY_ID, BODY), "MyIli-Signature": signature}) == "wrong_signature"


@pytest.mark.parametrize(("seconds", "accepted"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_the_clock_may_differ_by_five_minutes(*, seconds: int, accepted: bool) -> None:
    with time_machine.travel(1_800_000_000, tick=False):
        headers = sign(KEY, KEY_ID, BODY)
    with time_machine.travel(1_800_000_000 + seconds, tick=False):
        if accepted:
            verify(KEYS, headers, BODY)
        else:
            assert refusal(headers) == "clock_skew"


def test_keys_load_from_pem_under_the_thumbprint_joserfc_computes() -> None:
    expected = RSAKey.import_key(private_pem(KEY)).thumbprint()
    assert list(load_public_keys(public_pem(KEY))) == [expected] == [KEY_ID]
    verify(load_public_keys(public_pem(KEY)), sign(load_private_key(private_pem(KEY)), KEY_ID, BODY), BODY)


def test_the_thumbprint_is_the_one_of_the_rfc() -> None:
    modulus = (  # RFC 7638, section 3.1
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiF"
        "V4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9"
        "c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1"
        "jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    key = RSAKey.import_key({"kty": "RSA", "n": modulus, "e": "AQAB"}).public_key
    assert thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_published_key_set_verifies_and_holds_nothing_private() -> None:
    published = json.loads(json.dumps(public_jwks([KEY.public_key()])))
    (jwk,) = published["keys"]
    assert jwk.keys() == {"kty", "n", "e", "kid", "use", "alg"}
    assert (jwk["kid"], jwk["use"], jwk["alg"]) == (KEY_ID, "sig", "RS256")
    key = KeySet.import_key_set(published).get_by_kid(KEY_ID)
    assert isinstance(key, RSAKey)
    verify({KEY_ID: key.public_key}, sign(KEY, KEY_ID, BODY), BODY)


@pytest.mark.parametrize("size", [1024, None])
def test_a_weak_key_or_another_kind_of_key_is_refused(size: int | None) -> None:
    key = (
        rsa.generate_private_key(public_exponent=65537, key_size=size)
        if size
        else ec.generate_private_key(ec.SECP256R1())
    )
    with pytest.raises(ValueError, match="2048 bits"):
        load_private_key(private_pem(key))
    with pytest.raises(ValueError, match="2048 bits"):
        load_public_keys(public_pem(key))
