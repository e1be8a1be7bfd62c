"""Signatures of RFC 9421, appendix B.2: what a stranger's implementation makes of the RFC, ours verifies."""

import pytest
import time_machine
from cryptography.exceptions import InvalidSignature as WrongSignature
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from http_message_signatures import HTTPMessageVerifier, InvalidSignature, MappingKeyResolver, algorithms

from kit.signatures import messages
from kit.signatures.fields import read_signature
from kit.signatures.messages import _HASH, _PADDING, _base

RSA_PSS = b"""-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2
+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+
oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq
gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W
Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4
aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI
2wIDAQAB
-----END PUBLIC KEY-----
"""
ED25519 = b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----
"""
FIELDS = {
    "Host": "example.com",
    "Date": "Tue, 20 Apr 2021 02:07:55 GMT",
    "Content-Type": "application/json",
    "Content-Digest": (
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"
    ),
    "Content-Length": "18",
}
KEYS = {"test-key-rsa-pss": load_pem_public_key(RSA_PSS), "test-key-ed25519": load_pem_public_key(ED25519)}
VECTORS = {
    "B.2.1": (
        algorithms.RSA_PSS_SHA512,
        'sig-b21=();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"',
        (
            "sig-b21=:d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJ"
            "MkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZs"
            "fxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ss"
            "inQ98Xw9Q==:"
        ),
    ),
    "B.2.2": (
        algorithms.RSA_PSS_SHA512,
        (
            'sig-b22=("@authority" "content-digest" "@query-param";name="Pet");created=1618884473'
            ';keyid="test-key-rsa-pss";tag="header-example"'
        ),
        (
            "sig-b22=:LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4"
            "+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2"
            "fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXT"
            "ugEjHSw==:"
        ),
    ),
    "B.2.3": (
        algorithms.RSA_PSS_SHA512,
        (
            'sig-b23=("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length")'
            ';created=1618884473;keyid="test-key-rsa-pss"'
        ),
        (
            "sig-b23=:bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCU"
            "b38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xM"
            "y7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZK"
            "EgM4cUA==:"
        ),
    ),
    "B.2.6": (
        algorithms.ED25519,
        (
            'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473'
            ';keyid="test-key-ed25519"'
        ),
        "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
    ),
}


VALUES = {
    '"@authority"': "example.com",
    '"@query-param";name="Pet"': "dog",
    '"@method"': "POST",
    '"@path"': "/foo",
    '"@query"': "?param=Value&Pet=dog",
    **{f'"{name.lower()}"': value for name, value in FIELDS.items()},
}


@pytest.mark.parametrize("section", ["B.2.1", "B.2.2", "B.2.3"])
def test_a_signature_of_the_rfc_verifies_with_our_base_and_algorithm(section: str) -> None:
    _, signature_input, signature = VECTORS[section]
    said = read_signature(signature_input, signature)
    key = KEYS["test-key-rsa-pss"]
    assert isinstance(key, RSAPublicKey)
    base = _base(((name, VALUES[name]) for name in said.components), said.signed)
    key.verify(said.signature, base, _PADDING, _HASH)
    with pytest.raises(WrongSignature):
        key.verify(said.signature, base + b" ", _PADDING, _HASH)


@pytest.mark.parametrize("section", VECTORS)
def test_a_signature_of_the_rfc_verifies_with_the_library_and_a_changed_request_does_not(section: str) -> None:
    algorithm, signature_input, signature = VECTORS[section]
    resolver = MappingKeyResolver(public_keys=KEYS, private_keys={})  # type: ignore[arg-type]  # one of each kind
    verifier = HTTPMessageVerifier(signature_algorithm=algorithm, key_resolver=resolver)
    headers = {**FIELDS, "Signature-Input": signature_input, "Signature": signature}
    with time_machine.travel(1618884473, tick=False):
        request = messages.Request("POST", "https://example.com/foo?param=Value&Pet=dog", headers)
        (result,) = verifier.verify(request)
        assert result.parameters["created"] == 1618884473
        later = {**headers, "Signature-Input": signature_input.replace("1618884473", "1618884474")}
        with pytest.raises(InvalidSignature):
            verifier.verify(messages.Request("POST", request.url, later))
