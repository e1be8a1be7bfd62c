"""The fields of a signature, in the one spelling that RFC 9421's own serialisation gives them.

Reading only that spelling is quick and leaves nothing that two readers could understand differently
(docs/decisions/0079).
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from kit.signatures.refusals import BadSignature

_INPUT = re.compile(
    r"(?P<label>[a-z*][a-z0-9_.*-]*)="
    r"(?P<signed>\((?P<components>[^()]*)\)(?P<parameters>(?:;[a-z]+=(?:\"[ !#-\[\]-~]*\"|0|[1-9][0-9]{0,14}))*))"
)
_PARAMETER = re.compile(r";([a-z]+)=(?:\"([^\"]*)\"|([0-9]+))")
_SIGNATURE = re.compile(r"(?P<label>[a-z*][a-z0-9_.*-]*)=:(?P<signature>[A-Za-z0-9+/=]*):")
_DIGEST = re.compile(r"(sha-256|sha-512)=:([A-Za-z0-9+/=]+):")
_HASHES = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


@dataclass(frozen=True)
class SignatureFields:
    """What the one signature of a message says."""

    signed: str
    """The value of `@signature-params`, as it was signed."""
    components: Collection[str]
    parameters: Mapping[str, str | int]
    signature: bytes


def read_signature(signature_input: str, signature: str) -> SignatureFields:
    """Read the two fields of a message with one signature.

    Raises:
        BadSignature: signature_malformed.
    """
    said, given = _INPUT.fullmatch(signature_input), _SIGNATURE.fullmatch(signature)
    if said is None or given is None or said["label"] != given["label"]:
        raise BadSignature("signature_malformed")
    named = [(name, int(number) if number else text) for name, text, number in _PARAMETER.findall(said["parameters"])]
    parameters = dict(named)
    try:
        signed = base64.b64decode(given["signature"], validate=True)
    except binascii.Error:
        raise BadSignature("signature_malformed") from None
    if len(parameters) != len(named):
        raise BadSignature("signature_malformed")
    components = said["components"].split(" ") if said["components"] else []
    return SignatureFields(said["signed"], components, parameters, signed)


def write_parameters(components: Collection[str], parameters: Mapping[str, str | int]) -> str:
    """The value of `@signature-params`."""
    said = (
        f';{name}="{value}"' if isinstance(value, str) else f";{name}={value}" for name, value in parameters.items()
    )
    return f"({' '.join(components)}){''.join(said)}"


def write_bytes(content: bytes) -> str:
    return f":{base64.b64encode(content).decode()}:"


def digest_of(body: bytes) -> str:
    """The value of `Content-Digest` (RFC 9530)."""
    return f"sha-256={write_bytes(hashlib.sha256(body).digest())}"


def check_digest(field: str, body: bytes) -> None:
    """Every digest in the field is of the body.

    Raises:
        BadSignature: wrong_digest.
    """
    for member in field.split(","):
        stated = _DIGEST.fullmatch(member.strip(" \t"))
        if stated is None or not _is_digest(stated[1], stated[2], body):
            raise BadSignature("wrong_digest")


def _is_digest(algorithm: str, encoded: str, body: bytes) -> bool:
    try:
        return hmac.compare_digest(base64.b64decode(encoded, validate=True), _HASHES[algorithm](body).digest())
    except binascii.Error:
        return False
