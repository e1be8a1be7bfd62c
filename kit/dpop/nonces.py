"""Nonces of a service (RFC 9449, sections 8 and 9): a proof that was made in advance is good for minutes only.

A nonce is the time it was made and a MAC over it, so nothing is stored, and every process of a service knows those of
the others: their key is derived from the password of the database they share.
"""

import base64
import binascii
import hmac
import secrets
import time

from chassis.settings import ServiceSettings

LIFE_SECONDS = 300
_TIME_BYTES, _MAC_BYTES = 6, 18


class Nonces:
    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of(cls, settings: ServiceSettings) -> "Nonces":
        """Those of a service. Without a password each process has its own, and clients are asked once more often."""
        secret = settings.database.password
        shared = str(secret).encode() if secret else secrets.token_bytes(32)
        return cls(hmac.digest(shared, f"dpop nonces of {settings.service}".encode(), "sha256"))

    def new(self) -> str:
        made = int(time.time()).to_bytes(_TIME_BYTES, "big")
        return base64.urlsafe_b64encode(made + self._mac(made)).decode()

    def accept(self, nonce: object) -> bool:
        """Whether it was made here within the last minutes."""
        if not isinstance(nonce, str):
            return False
        try:
            raw = base64.urlsafe_b64decode(nonce.encode("ascii"))
        except (binascii.Error, UnicodeEncodeError):
            return False
        made, mac = raw[:_TIME_BYTES], raw[_TIME_BYTES:]
        is_ours = hmac.compare_digest(mac, self._mac(made))
        return is_ours and 0 <= time.time() - int.from_bytes(made, "big") <= LIFE_SECONDS

    def _mac(self, made: bytes) -> bytes:
        return hmac.digest(self._key, made, "sha256")[:_MAC_BYTES]
