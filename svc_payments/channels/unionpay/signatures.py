"""UnionPay's ACP 5.1.0, signMethod 01: the format of its messages, and what is signed.

A message is a list of names and values. Requests and notices come as forms; answers come as one line of the same names
and values without escaping. What is signed is the SHA-256, in hexadecimal, of all names and values
in the order of their names, so that the signature does not depend on the format.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from kit.signatures.refusals import BadSignature

VERSION, SIGN_METHOD, ENCODING = "5.1.0", "01", "UTF-8"
CERTIFICATE, SIGNATURE = "signPubKeyCert", "signature"
MOST_FIELDS = 100
_MARKS = re.compile(r"[&{}\[\]]")
_OPENING, _CLOSING = "{[", "}]"

Fields = Mapping[str, str]


class NotAMessage(Exception):  # noqa: N818 - read where it is caught
    """Bytes that are no names and values."""


def digest(fields: Fields) -> bytes:
    """What is signed of a message."""
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name != SIGNATURE and fields[name])
    return hashlib.sha256(text.encode()).hexdigest().encode()


@dataclass(frozen=True)
class Merchant:
    """Who signs our requests."""

    merchant_id: str
    certificate_id: str
    """The serial number of our certificate, in decimal digits."""
    key: RSAPrivateKey

    def signed(self, fields: Fields) -> dict[str, str]:
        """A message of ours, whole."""
        whole = {
            "version": VERSION,
            "encoding": ENCODING,
            "signMethod": SIGN_METHOD,
            "accessType": "0",  # a merchant by itself
            "merId": self.merchant_id,
            "certId": self.certificate_id,
            **fields,
        }
        signature = self.key.sign(digest(whole), PKCS1v15(), hashes.SHA256())
        return whole | {SIGNATURE: base64.b64encode(signature).decode()}


def check(key: RSAPublicKey, fields: Fields) -> None:
    """Verify a message of theirs.

    Raises:
        BadSignature: wrong_signature, or headers_malformed when it is not signed as we agreed.
    """
    if fields.get("signMethod") != SIGN_METHOD:
        raise BadSignature("headers_malformed")
    try:
        signature = base64.b64decode(fields.get(SIGNATURE, ""), validate=True)
        key.verify(signature, digest(fields), PKCS1v15(), hashes.SHA256())
    except (ValueError, InvalidSignature):  # ValueError: not base64
        raise BadSignature("wrong_signature") from None


def of_form(raw: bytes) -> dict[str, str]:
    """The fields of a notice.

    Raises:
        NotAMessage
    """
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise NotAMessage from None
    return _once_each(pairs)


def of_answer(raw: bytes) -> dict[str, str]:
    """The fields of an answer.

    Raises:
        NotAMessage
    """
    try:
        pairs = [part.partition("=")[::2] for part in _parts(raw.decode())]
    except ValueError:
        raise NotAMessage from None
    return _once_each(pairs)


def _parts(text: str) -> Iterator[str]:
    """The pairs of an answer: an & parts them, except in a value that is a list of pairs in brackets itself."""
    start = depth = 0
    for mark in _MARKS.finditer(text):
        if mark[0] in _OPENING and (depth or text[mark.start() - 1] == "="):
            depth += 1
        elif mark[0] in _CLOSING and depth:
            depth -= 1
        elif mark[0] == "&" and not depth:
            yield text[start : mark.start()]
            start = mark.end()
    yield text[start:]


def _once_each(pairs: list[tuple[str, str]]) -> dict[str, str]:
    fields = dict(pairs)
    # With a duplicate name, the value read might not be the value signed.
    if len(fields) != len(pairs) or len(pairs) > MOST_FIELDS or "" in fields:
        raise NotAMessage
    return fields
