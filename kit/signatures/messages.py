"""Signed requests and signed answers, and the one form of each that is accepted."""

import re
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from kit.signatures.fields import (
    SignatureFields,
    check_digest,
    digest_of,
    read_signature,
    write_bytes,
    write_parameters,
)
from kit.signatures.keys import thumbprint
from kit.signatures.refusals import MAX_CLOCK_SKEW, BadSignature

RECIPIENT = "MyIli-Recipient"
JSON = "application/json"
SIGNED_SECONDS = 300
"""The lifetime of a signature, and the longest that is accepted."""

_ALGORITHM = "rsa-pss-sha512"
"""The only one for RSA keys; what a message says of its algorithm chooses nothing."""
_HASH, _PADDING = hashes.SHA512(), PSS(MGF1(hashes.SHA512()), 64)
_LABEL = "myili"
_URL = re.compile(r"https?://[!-~]+")
_NONCE = re.compile(r"[0-9A-Za-z_-]{22,128}")
_TYPES = {"created": int, "expires": int, "keyid": str, "alg": str, "tag": str}


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


class Unsignable(Exception):  # noqa: N818 - callers handle it as an address that cannot be called
    """The address is not a URI."""


def sign_request(  # noqa: PLR0913 - what is signed
    key: RSAPrivateKey,
    recipient: str,
    method: str,
    url: str,
    body: bytes = b"",
    content_type: str = JSON,
    *,
    created: int | None = None,
    nonce: str | None = None,
    lives_seconds: int = SIGNED_SECONDS,
    without: str = "",
) -> dict[str, str]:
    """The headers of a request to the recipient, with its signature.

    All but the first six are given only where a company's refusal of other calls is examined.

    Args:
        key: of the platform.
        recipient: who is called.
        method: of the request.
        url: where it goes.
        body: as it is sent.
        content_type: of the body.
        created: when it was signed.
        nonce: drawn anew by default.
        lives_seconds: how long the signature is valid.
        without: the component that the signature does not cover.

    Raises:
        Unsignable
    """
    if not _URL.fullmatch(url):
        raise Unsignable(url)
    headers = {RECIPIENT: recipient, **_content(body, content_type)}
    values = _values_of_request(Request(method, url, headers), _fields(headers), body)
    covered = {name: value for name, value in values.items() if name != f'"{without}"'}
    particulars = {"nonce": nonce or secrets.token_hex(16), "tag": "myili-request"}
    return headers | _signature(key, covered, particulars, created, lives_seconds)


def verify_request(keys: Mapping[str, RSAPublicKey], recipient: str, request: Request, body: bytes) -> str:
    """The nonce of a request that is signed for this recipient and this body.

    Call before parsing: a body that was decoded and encoded again is not the one that was signed.

    Raises:
        BadSignature
    """
    fields = _fields(request.headers)
    signature = _read(fields)
    if fields.get(RECIPIENT.lower()) != recipient:
        raise BadSignature("other_recipient")
    form = _Form({**_TYPES, "nonce": str}, "myili-request")
    _verify(keys, form, signature, _values_of_request(request, fields, body))
    check_digest(fields["content-digest"], body)
    return str(signature.parameters["nonce"])


def sign_answer(
    key: RSAPrivateKey, request: Request, status: int, body: bytes, content_type: str = JSON
) -> dict[str, str]:
    """The headers that sign an answer to an authentic request."""
    headers = _content(body, content_type)
    values = _values_of_answer(Answer(status, headers, request), _fields(headers), body)
    return headers | _signature(key, values, {"tag": "myili-answer"})


def verify_answer(keys: Mapping[str, RSAPublicKey], answer: Answer, body: bytes) -> None:
    """Verify that an answer is signed, and that it answers its request and no other.

    Raises:
        BadSignature
    """
    fields = _fields(answer.headers)
    _verify(keys, _Form(_TYPES, "myili-answer"), _read(fields), _values_of_answer(answer, fields, body))
    check_digest(fields["content-digest"], body)


def _content(body: bytes, content_type: str) -> dict[str, str]:
    digest = {"Content-Digest": digest_of(body)}
    return {"Content-Type": content_type, **digest} if body else digest


Values = Mapping[str, str | None]
"""What a signature must cover, no more and no less: each component with its value; None: the message has none."""


def _values_of_request(request: Request, fields: Mapping[str, str], body: bytes) -> Values:
    return {
        '"@method"': request.method,
        '"@target-uri"': request.url,
        **_values_of_content(fields, body),
        f'"{RECIPIENT.lower()}"': fields.get(RECIPIENT.lower()),
    }


def _values_of_answer(answer: Answer, fields: Mapping[str, str], body: bytes) -> Values:
    return {
        '"@status"': str(answer.status_code),
        **_values_of_content(fields, body),
        '"@method";req': answer.request.method,
        '"@target-uri";req': answer.request.url,
        # The signature of the request stands for its nonce, its recipient and its body.
        '"signature";req': _fields(answer.request.headers).get("signature"),
    }


def _values_of_content(fields: Mapping[str, str], body: bytes) -> Values:
    digest = {'"content-digest"': fields.get("content-digest")}
    return {**digest, '"content-type"': fields.get("content-type")} if body else digest


@dataclass(frozen=True)
class _Form:
    types: Mapping[str, type]
    """Of the parameters, which are these and no others."""
    tag: str

    def check(self, signature: SignatureFields, values: Values) -> None:
        said = signature.parameters
        if {name: type(value) for name, value in said.items()} != self.types or said["tag"] != self.tag:
            raise BadSignature("signature_malformed")
        if "nonce" in said and not _NONCE.fullmatch(str(said["nonce"])):
            raise BadSignature("signature_malformed")
        if len(signature.components) != len(values) or set(signature.components) != values.keys():
            raise BadSignature("components_mismatch")
        now, created, expires = time.time(), int(said["created"]), int(said["expires"])
        if not 0 < expires - created <= SIGNED_SECONDS or created > now + MAX_CLOCK_SKEW or expires < now:
            raise BadSignature("clock_skew")
        if said["alg"] != _ALGORITHM:
            raise BadSignature("wrong_algorithm")


def _verify(keys: Mapping[str, RSAPublicKey], form: _Form, signature: SignatureFields, values: Values) -> None:
    form.check(signature, values)
    key = keys.get(str(signature.parameters["keyid"]))
    if key is None:
        raise BadSignature("unknown_key")
    base = _base(((name, values[name]) for name in signature.components), signature.signed)
    try:
        key.verify(signature.signature, base, _PADDING, _HASH)
    except InvalidSignature:
        raise BadSignature("wrong_signature") from None


def _signature(
    key: RSAPrivateKey,
    values: Values,
    particulars: Mapping[str, str],
    created: int | None = None,
    lives_seconds: int = SIGNED_SECONDS,
) -> dict[str, str]:
    created = int(time.time()) if created is None else created
    parameters: dict[str, str | int] = {
        "created": created,
        "expires": created + lives_seconds,
        "keyid": thumbprint(key.public_key()),
        "alg": _ALGORITHM,
        **particulars,
    }
    signed = write_parameters(values.keys(), parameters)
    signature = key.sign(_base(values.items(), signed), _PADDING, _HASH)
    return {"Signature-Input": f"{_LABEL}={signed}", "Signature": f"{_LABEL}={write_bytes(signature)}"}


def _base(components: Iterable[tuple[str, str | None]], signed: str) -> bytes:
    """The signature base (RFC 9421, section 2.5)."""
    lines = [f"{name}: {_line(value)}" for name, value in components]
    return "\n".join([*lines, f'"@signature-params": {signed}']).encode("ascii")


def _line(value: str | None) -> str:
    # A line break in a value would be a line of the base; what is not ASCII, two sides would encode differently.
    if value is None or not (value.isascii() and value.isprintable()):
        raise BadSignature("wrong_signature")
    return value


def _fields(headers: Headers) -> dict[str, str]:
    """The fields by lower-case name, the lines of each joined as RFC 9421 joins them (section 2.1)."""
    lines: dict[str, list[str]] = {}
    for name, value in headers.items():
        lines.setdefault(name.lower(), []).append(value.strip(" \t"))
    return {name: ", ".join(values) for name, values in lines.items()}


def _read(fields: Mapping[str, str]) -> SignatureFields:
    if "signature" not in fields or "signature-input" not in fields:
        raise BadSignature("unsigned")
    return read_signature(fields["signature-input"], fields["signature"])
