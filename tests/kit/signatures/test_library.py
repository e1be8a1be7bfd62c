"""Ours and `http-message-signatures`, which the reference provider uses, verify each other's signatures."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, InvalidSignature, MappingKeyResolver
from http_message_signatures.algorithms import RSA_PSS_SHA512

from kit.signatures.keys import thumbprint
from kit.signatures.messages import Answer, Request, sign_answer, sign_request, verify_answer, verify_request
from tests.kit.signatures.drafts import COMPONENTS

KEY = generate_private_key(public_exponent=65537, key_size=2048)
KEY_ID = thumbprint(KEY.public_key())
KEYS = {KEY_ID: KEY.public_key()}
RESOLVER = MappingKeyResolver(public_keys=KEYS, private_keys={KEY_ID: KEY})
URL = "https://company.test/platform/postings/1?all=%E6%B0%B4&x=a+b"
ANSWER_COMPONENTS = ("@status", "content-digest", '"@method";req', '"@target-uri";req', '"signature";req')
BODIES = [b"", b"{}", bytes(range(256))]


def verifier() -> HTTPMessageVerifier:
    return HTTPMessageVerifier(signature_algorithm=RSA_PSS_SHA512, key_resolver=RESOLVER)


def sign_with_the_library(
    message: Request | Answer, body: bytes, components: tuple[str, ...], *, tag: str, nonce: str | None = None
) -> None:
    created = datetime.now(UTC).replace(microsecond=0)
    HTTPMessageSigner(signature_algorithm=RSA_PSS_SHA512, key_resolver=RESOLVER).sign(
        message,
        key_id=KEY_ID,
        created=created,
        expires=created + timedelta(seconds=60),
        covered_component_ids=components,
        body=body,
        tag=tag,
        nonce=nonce,
    )


@pytest.mark.parametrize("body", BODIES)
def test_the_library_verifies_our_request_and_our_answer(body: bytes) -> None:
    request = Request("POST", URL, sign_request(KEY, "recipient", "POST", URL, body))
    components = COMPONENTS if body else tuple(name for name in COMPONENTS if name != "content-type")
    (result,) = verifier().verify(request, expect_tag="myili-request", require_components=components, body=body)
    assert result.covered_components['"myili-recipient"'] == "recipient"
    answer = Answer(200, sign_answer(KEY, request, 200, body), request)
    (result,) = verifier().verify(answer, expect_tag="myili-answer", require_components=ANSWER_COMPONENTS, body=body)
    other = Request("POST", URL, sign_request(KEY, "recipient", "POST", URL, body))
    with pytest.raises(InvalidSignature):
        verifier().verify(Answer(200, answer.headers, other))


@pytest.mark.parametrize("body", BODIES)
def test_we_verify_what_the_library_signs(body: bytes) -> None:
    headers = {"MyIli-Recipient": "recipient", "Content-Type": "application/json"}
    components = COMPONENTS if body else tuple(name for name in COMPONENTS if name != "content-type")
    request = Request("POST", URL, headers)
    nonce = "n" * 22
    sign_with_the_library(request, body, components, nonce=nonce, tag="myili-request")
    assert verify_request(KEYS, "recipient", request, body) == nonce
    answer = Answer(404, {"Content-Type": "application/problem+json"}, request)
    of_answer = (*ANSWER_COMPONENTS, "content-type") if body else ANSWER_COMPONENTS
    sign_with_the_library(answer, body, of_answer, tag="myili-answer")
    verify_answer(KEYS, answer, body)
