"""Verifies that a call is from the platform and for this company: HTTP Message Signatures (RFC 9421).

The library verifies a signature over whatever the message says it covers. That it covers everything, is for this
company, of this moment and by the platform's algorithm is checked here.
"""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver, InvalidSignature, algorithms
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from contracts.reference_provider.platform_keys import PlatformKeys

MAX_CLOCK_SKEW = 300  # seconds
LONGEST_LIFE = 300  # seconds from `created` to `expires`
COVERED = frozenset({'"@method"', '"@target-uri"', '"content-digest"', '"myili-recipient"'})
COVERED_WITH_BODY = COVERED | {'"content-type"'}
PARAMETERS = frozenset({"created", "expires", "nonce", "keyid", "alg", "tag"})
TAG = "myili-request"
LABEL = "myili"
SIGNATURE_FIELDS = ("signature", "signature-input")
ONCE = {*SIGNATURE_FIELDS, "content-digest", "content-type"}
# The algorithm of the platform's RSA keys. What a message names must be the same, and chooses nothing.
ALGORITHM = algorithms.RSA_PSS_SHA512
REASONS = {
    "unsigned": "The call has no Signature and Signature-Input.",
    "signature_malformed": "The call needs one signature: label, tag and parameters of the platform, no field twice.",
    "components_mismatch": "The signature must cover method, target URI, digest, content type of a body, recipient.",
    "clock_skew": "The signature is expired, or from the future.",
    "other_recipient": "The call is for another company.",
    "unknown_key": "The platform publishes no key with this key id.",
    "wrong_algorithm": "The algorithm is not that of the platform's key.",
    "wrong_signature": "The signature does not fit: another method, target URI, header or key.",
    "wrong_digest": "The body is not the one that was signed.",
    "nonce_replayed": "The call is a replay: its nonce was used before.",
}


class NotFromPlatform(Exception):  # noqa: N818 - an answer to the caller
    """The text is one of REASONS."""


class Headers(Protocol):
    def items(self) -> Iterable[tuple[str, str]]: ...


@dataclass(frozen=True)
class Call:
    """A request as it arrived; `url` is the company's own public URL with the path and query that arrived."""

    method: str
    url: str
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class Signed:
    """Identifies an authentic call; the same nonce a second time is a replay."""

    nonce: str
    expires: int


async def verify(keys: PlatformKeys, provider_id: str, call: Call) -> Signed:
    """Verify a call before its body is parsed, over the bytes that arrived.

    Raises:
        NotFromPlatform
        KeysUnavailable
    """
    fields = [(name.lower(), value) for name, value in call.headers.items()]
    if not set(SIGNATURE_FIELDS) <= {name for name, _ in fields}:
        raise NotFromPlatform("unsigned")
    names = [name for name, _ in fields if name in ONCE]
    labelled = all(value.startswith(f"{LABEL}=") for name, value in fields if name in SIGNATURE_FIELDS)
    if len(names) != len(set(names)) or not labelled:
        raise NotFromPlatform("signature_malformed")
    recipients = [value for name, value in fields if name == "myili-recipient"]
    if not provider_id or recipients != [provider_id]:
        raise NotFromPlatform("other_recipient")
    # The key id is known once the form is right, and only then is a key fetched.
    first_look = _Verifier(call, {})
    if (reason := first_look.reason_to_refuse()) != "unknown_key":
        raise NotFromPlatform(reason)
    key = await keys.key(first_look.key_id)
    if key is None:
        raise NotFromPlatform("unknown_key")
    verifier = _Verifier(call, {first_look.key_id: key})
    if reason := verifier.reason_to_refuse():
        raise NotFromPlatform(reason)
    return verifier.signed


class _Refused(InvalidSignature):
    """A refusal of ours; the library passes it on."""


class _Verifier(HTTPMessageVerifier, HTTPSignatureKeyResolver):
    def __init__(self, call: Call, keys: Mapping[str, RSAPublicKey]) -> None:
        super().__init__(signature_algorithm=ALGORITHM, key_resolver=self)
        self._call, self._keys = call, keys
        self._well_formed = False
        self.key_id = ""

    def reason_to_refuse(self) -> str:
        """One of REASONS, or nothing."""
        try:
            # Without a tag to choose by, the library refuses a message with several signatures.
            results = self.verify(self._call)
        except _Refused as refused:
            return str(refused)
        except HTTPMessageSignaturesException:
            return "wrong_signature" if self._well_formed else "signature_malformed"
        try:
            self.verify_body(self._call, results, self._call.body)
        except HTTPMessageSignaturesException:
            return "wrong_digest"
        return ""

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:  # noqa: ANN401, ARG002 - the overridden signature
        """Refuse a form that is not the platform's; the library calls this before it verifies."""
        self._well_formed, parameters = True, sig_input.params
        if parameters.keys() != PARAMETERS or parameters["tag"] != TAG:
            raise _Refused("signature_malformed")
        if not re.fullmatch(r"[0-9A-Za-z_-]{22,128}", parameters["nonce"]):
            raise _Refused("signature_malformed")
        covered, expected = sorted(map(str, sig_input)), COVERED_WITH_BODY if self._call.body else COVERED
        if covered != sorted(expected):
            raise _Refused("components_mismatch")
        now, created, expires = time.time(), parameters["created"], parameters["expires"]
        if not 0 < expires - created <= LONGEST_LIFE or created > now + MAX_CLOCK_SKEW or expires < now:
            raise _Refused("clock_skew")
        if parameters["alg"] != ALGORITHM.algorithm_id:
            raise _Refused("wrong_algorithm")
        self.signed = Signed(parameters["nonce"], expires)

    def resolve_public_key(self, key_id: str) -> RSAPublicKey:
        self.key_id = key_id
        if key_id not in self._keys:
            raise _Refused("unknown_key")
        return self._keys[key_id]
