"""Signed requests and signed answers, and the one form of each that is accepted."""

import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    MappingKeyResolver,
    algorithms,
)
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from kit.signatures.keys import thumbprint
from kit.signatures.refusals import MAX_CLOCK_SKEW, BadSignature

RECIPIENT = "MyIli-Recipient"
JSON = "application/json"
SIGNED_SECONDS = 300
"""The lifetime of a signature, and the longest that is accepted."""

ALGORITHM = algorithms.RSA_PSS_SHA512
"""The only one for RSA keys; what a message says of its algorithm chooses nothing."""
_LABEL = "myili"
_REQUEST_TAG, _ANSWER_TAG = "myili-request", "myili-answer"
_ANSWER_PARAMETERS = frozenset({"created", "expires", "keyid", "alg", "tag"})
_REQUEST_PARAMETERS = _ANSWER_PARAMETERS | {"nonce"}
_NONCE = re.compile(r"[0-9A-Za-z_-]{22,128}")


class Headers(Protocol):
    """Header fields as httpx, Starlette and dictionaries have them."""

    def items(self) -> Iterable[tuple[str, str]]: ...


@dataclass(frozen=True)
class Request:
    """A request as both sides know it: `url` is the address it was sent to, not what a proxy made of it."""

    method: str
    url: str
    headers: Headers


@dataclass(frozen=True)
class Answer:
    status_code: int
    headers: Headers
    request: Request


@dataclass
class _Unsigned:
    """A message to sign; the library adds its fields to the headers."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class _UnsignedAnswer:
    status_code: int
    request: Request
    headers: dict[str, str] = field(default_factory=dict)


class Unsignable(Exception):  # noqa: N818 - callers handle it as an address that cannot be called
    """The address is not a URI."""


def sign_request(
    key: RSAPrivateKey, recipient: str, method: str, url: str, body: bytes = b"", content_type: str = JSON
) -> dict[str, str]:
    """The headers of a request to the recipient, with its signature; a body has a content type.

    Raises:
        Unsignable
    """
    message = _Unsigned(method, url, {RECIPIENT: recipient, **({"Content-Type": content_type} if body else {})})
    nonce = secrets.token_hex(16)
    try:
        _sign(key, message, body, _components_of_request(body), tag=_REQUEST_TAG, nonce=nonce)
    except HTTPMessageSignaturesException as error:
        raise Unsignable(str(error)) from None
    return message.headers


def verify_request(keys: Mapping[str, RSAPublicKey], recipient: str, request: Request, body: bytes) -> str:
    """The nonce of a request that is signed for this recipient and this body.

    Call before parsing: a body that was decoded and encoded again is not the one that was signed.

    Raises:
        BadSignature
    """
    form = _Form(_components_of_request(body), _REQUEST_PARAMETERS, _REQUEST_TAG)
    fields = _fields(request.headers)
    _require_signed(fields)
    if fields.get(RECIPIENT.lower()) != [recipient]:
        raise BadSignature("other_recipient")
    return str(_verify(keys, form, request, body).get("nonce"))


def sign_answer(
    key: RSAPrivateKey, request: Request, status: int, body: bytes, content_type: str = JSON
) -> dict[str, str]:
    """The headers that sign an answer to an authentic request."""
    message = _UnsignedAnswer(status, request, {"Content-Type": content_type} if body else {})
    _sign(key, message, body, _components_of_answer(body), tag=_ANSWER_TAG)
    return message.headers


def verify_answer(keys: Mapping[str, RSAPublicKey], answer: Answer, body: bytes) -> None:
    """Verify that an answer is signed, and that it answers its request and no other.

    Raises:
        BadSignature
    """
    _require_signed(_fields(answer.headers))
    _verify(keys, _Form(_components_of_answer(body), _ANSWER_PARAMETERS, _ANSWER_TAG), answer, body)


def _components_of_request(body: bytes) -> Sequence[str]:
    content = ("content-digest", "content-type") if body else ("content-digest",)
    return ("@method", "@target-uri", *content, RECIPIENT.lower())


def _components_of_answer(body: bytes) -> Sequence[str]:
    content = ("content-digest", "content-type") if body else ("content-digest",)
    # The signature of the request stands for its nonce, its recipient and its body.
    return ("@status", *content, '"@method";req', '"@target-uri";req', '"signature";req')


@dataclass(frozen=True)
class _Form:
    """What a signature must cover and say, no more and no less."""

    components: Sequence[str]
    parameters: frozenset[str]
    tag: str

    def check(self, covered: Iterable[str], parameters: Mapping[str, Any]) -> None:
        if parameters.keys() != self.parameters or parameters["tag"] != self.tag:
            raise _Refused("signature_malformed")
        if "nonce" in self.parameters and not _NONCE.fullmatch(parameters["nonce"]):
            raise _Refused("signature_malformed")
        if set(covered) != {name if name.startswith('"') else f'"{name}"' for name in self.components}:
            raise _Refused("components_mismatch")
        now, created, expires = time.time(), parameters["created"], parameters["expires"]
        if not 0 < expires - created <= SIGNED_SECONDS or created > now + MAX_CLOCK_SKEW or expires < now:
            raise _Refused("clock_skew")
        if parameters["alg"] != ALGORITHM.algorithm_id:
            raise _Refused("wrong_algorithm")


class _Refused(InvalidSignature):
    """Passes a reason of ours through the library."""

    @property
    def reason(self) -> str:
        return str(self.args[0])


class _Keys(HTTPSignatureKeyResolver):
    def __init__(self, keys: Mapping[str, RSAPublicKey]) -> None:
        self._keys = keys

    def resolve_public_key(self, key_id: str) -> RSAPublicKey:
        if key_id not in self._keys:
            raise _Refused("unknown_key")
        return self._keys[key_id]


class _Verifier(HTTPMessageVerifier):
    def __init__(self, keys: Mapping[str, RSAPublicKey], form: _Form) -> None:
        super().__init__(signature_algorithm=ALGORITHM, key_resolver=_Keys(keys))
        self._form = form
        self.well_formed = False

    def validate_created_and_expires(self, sig_input: Any, max_age: timedelta | None = None) -> None:  # noqa: ANN401, ARG002 - the overridden signature
        # The library calls this first, with the types of all parameters checked; its own rules are looser than ours.
        self.well_formed = True
        self._form.check(map(str, sig_input), sig_input.params)


def _verify(
    keys: Mapping[str, RSAPublicKey], form: _Form, message: Request | Answer, body: bytes
) -> Mapping[str, int | str]:
    verifier = _Verifier(keys, form)
    try:
        # Without a tag to choose by, the library refuses a message with several signatures.
        results = verifier.verify(message)
    except _Refused as refused:
        raise BadSignature(refused.reason) from None
    except HTTPMessageSignaturesException:
        raise BadSignature("wrong_signature" if verifier.well_formed else "signature_malformed") from None
    try:
        verifier.verify_body(message, results, body)
    except HTTPMessageSignaturesException:
        raise BadSignature("wrong_digest") from None
    return results[0].parameters


def _sign(
    key: RSAPrivateKey,
    message: _Unsigned | _UnsignedAnswer,
    body: bytes,
    components: Sequence[str],
    *,
    tag: str,
    nonce: str | None = None,
) -> None:
    key_id, created = thumbprint(key.public_key()), datetime.fromtimestamp(int(time.time()), UTC)
    resolver = MappingKeyResolver(public_keys={}, private_keys={key_id: key})
    HTTPMessageSigner(signature_algorithm=ALGORITHM, key_resolver=resolver).sign(
        message,
        key_id=key_id,
        created=created,
        expires=created + timedelta(seconds=SIGNED_SECONDS),
        nonce=nonce,
        label=_LABEL,
        tag=tag,
        covered_component_ids=components,
        body=body,
    )


def _fields(headers: Headers) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in headers.items():
        fields.setdefault(name.lower(), []).append(value)
    return fields


def _require_signed(fields: Mapping[str, Sequence[str]]) -> None:
    if "signature" not in fields or "signature-input" not in fields:
        raise BadSignature("unsigned")
