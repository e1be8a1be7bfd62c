"""Keys of signed messages: loading, naming and publishing them."""

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.jwk import KeySet, RSAKey

from kit.signatures.keys import load_private_key, load_public_keys, public_jwks, thumbprint

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEY_ID = thumbprint(KEY.public_key())

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def private_pem(key: PrivateKey) -> str:
    encoding, encryption = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, encryption).decode()


def public_pem(key: PrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(encoding, form).decode()


def test_keys_load_from_pem_under_the_thumbprint_joserfc_computes() -> None:
    expected = RSAKey.import_key(private_pem(KEY)).thumbprint()
    assert list(load_public_keys(public_pem(KEY))) == [expected] == [KEY_ID]
    assert load_private_key(private_pem(KEY)).private_numbers() == KEY.private_numbers()


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
    assert (jwk["kid"], jwk["use"], jwk["alg"]) == (KEY_ID, "sig", "PS512")
    key = KeySet.import_key_set(published).get_by_kid(KEY_ID)
    assert isinstance(key, RSAKey)
    assert key.public_key.public_numbers() == KEY.public_key().public_numbers()


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
