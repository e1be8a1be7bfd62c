"""WeChat Pay API v3: what is signed, by whom, and how encrypted resources are decrypted.

Requests: https://pay.weixin.qq.com/doc/v3/merchant/4012365336; answers and notices: …/4012365337;
encrypted resources: …/4012365338.
"""

import base64
import binascii
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel, Field

from kit.signatures.refusals import MAX_CLOCK_SKEW, BadSignature

SCHEME = "WECHATPAY2-SHA256-RSA2048"
PROBE = "WECHATPAY/SIGNTEST/"
"""WeChat Pay now and then sends wrong signatures, which begin like this, to see that they are refused."""
NONCE_BYTES = 12  # of AES-GCM

# No line break may hide in either, or the same bytes could be split differently into timestamp, nonce and body.
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_NONCE = re.compile(r"[!-~]{1,128}")


def message(*lines: str | bytes) -> bytes:
    """The lines, each ended by a line feed: what every signature of API v3 is made over."""
    return b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)


@dataclass(frozen=True)
class Merchant:
    """Who signs our requests."""

    merchant_id: str
    serial: str
    key: RSAPrivateKey

    def sign(self, *lines: str | bytes) -> str:
        return base64.b64encode(self.key.sign(message(*lines), PKCS1v15(), hashes.SHA256())).decode()

    def authorization(self, method: str, target: str, body: bytes, timestamp: int, nonce: str) -> str:
        """The Authorization header of a request; `target` is its path with the query, as they are sent."""
        signature = self.sign(method, target, str(timestamp), nonce, body)
        fields = {
            "mchid": self.merchant_id,
            "nonce_str": nonce,
            "signature": signature,
            "timestamp": str(timestamp),
            "serial_no": self.serial,
        }
        return f"{SCHEME} " + ",".join(f'{name}="{value}"' for name, value in fields.items())


@dataclass(frozen=True)
class Signed:
    """What the headers of an answer or a notice say of its signature."""

    serial: str
    timestamp: str
    nonce: str
    signature: str

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Signed":
        """Read the headers.

        Raises:
            BadSignature: headers_malformed, or clock_skew.
        """
        named = ("serial", "timestamp", "nonce", "signature")
        found = cls(**{name: headers.get(f"wechatpay-{name}", "") for name in named})
        if headers.get("wechatpay-signature-type", SCHEME) != SCHEME:
            raise BadSignature("headers_malformed")
        if not (_TIMESTAMP.fullmatch(found.timestamp) and _NONCE.fullmatch(found.nonce)):
            raise BadSignature("headers_malformed")
        if abs(time.time() - int(found.timestamp)) > MAX_CLOCK_SKEW:
            raise BadSignature("clock_skew")
        return found

    def check(self, key: RSAPublicKey, body: bytes) -> None:
        """Verify the raw body.

        Raises:
            BadSignature: probe, or wrong_signature.
        """
        if self.signature.startswith(PROBE):
            raise BadSignature("probe")
        try:
            signature = base64.b64decode(self.signature, validate=True)
            key.verify(signature, message(self.timestamp, self.nonce, body), PKCS1v15(), hashes.SHA256())
        except (ValueError, InvalidSignature):  # ValueError: not base64
            raise BadSignature("wrong_signature") from None


class NotOpened(Exception):  # noqa: N818 - read where it is caught
    """A resource that the APIv3 key does not open."""


class Encrypted(BaseModel):
    algorithm: Annotated[str, Field(pattern=r"^AEAD_AES_256_GCM$")]
    nonce: Annotated[str, Field(max_length=16)]
    associated_data: Annotated[str, Field(max_length=64)] = ""
    ciphertext: str

    def open(self, api_key: bytes) -> bytes:
        """Decrypt it.

        Raises:
            NotOpened
        """
        try:
            sealed = base64.b64decode(self.ciphertext, validate=True)
            return AESGCM(api_key).decrypt(self.nonce.encode(), sealed, self.associated_data.encode())
        except (binascii.Error, ValueError, InvalidTag):  # ValueError: a nonce of a wrong size
            raise NotOpened from None
