"""The keys of WeChat Pay: its public key as configured, or its platform certificates as it hands them out."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from pydantic import BaseModel, ValidationError

from chassis.db import now
from chassis.http_client import NoAnswer, NotReached, Reply
from chassis.telemetry import log
from kit.signatures.keys import load_public_keys
from kit.signatures.refusals import BadSignature
from svc_payments.channels.wechat.signatures import Encrypted, NotOpened, Signed
from svc_payments.settings.channels import WechatSettings

REFRESH_SECONDS, RETRY_SECONDS = 60.0, 5.0
"""Limits the fetches that unknown serials can cause."""
_SERIAL = re.compile(r"[0-9A-Fa-f]{1,64}")


class _Entry(BaseModel):
    serial_no: str
    encrypt_certificate: Encrypted


class _Certificates(BaseModel):
    data: list[_Entry]


class PlatformKeys:
    """Finds the key that a signature names by its serial number.

    While certificates change, WeChat Pay signs with the new one and still repeats notices signed with the old one:
    each is good until the date in it. Both modes may be in use at once, which is how a merchant moves from
    certificates to the public key.
    """

    def __init__(self, settings: WechatSettings, fetch: Callable[[], Awaitable[Reply]]) -> None:
        """`fetch` gets /v3/certificates, unverified: the keys to verify it with are in it."""
        self._fixed: dict[str, RSAPublicKey] = {}
        if settings.public_key and settings.public_key_id:
            (key,) = load_public_keys(settings.public_key).values()
            self._fixed[settings.public_key_id] = key
        self._api_key = settings.api_key.get_secret_value().encode()
        self._fetch = fetch
        self._certificates: dict[int, x509.Certificate] = {}
        self._ask_from = float("-inf")
        self._asking = asyncio.Lock()

    async def check(self, signed: Signed, body: bytes) -> None:
        """Find the key and check the signature with it.

        Raises:
            BadSignature: unknown_key, or as `Signed.check`.
        """
        signed.check(await self._key(signed.serial), body)

    async def _key(self, serial: str) -> RSAPublicKey:
        if serial in self._fixed:
            return self._fixed[serial]
        if not _SERIAL.fullmatch(serial):
            raise BadSignature("unknown_key")
        number = int(serial, 16)
        if number not in self._certificates:
            await self._refresh()
        certificate = self._certificates.get(number)
        if certificate is None or not _valid(certificate, now()):
            raise BadSignature("unknown_key")
        return _rsa(certificate)

    async def _refresh(self) -> None:
        async with self._asking:
            if time.monotonic() < self._ask_from:
                return
            self._ask_from = time.monotonic() + RETRY_SECONDS
            try:
                fresh = self._opened(await self._fetch())
            except (NotReached, NoAnswer, BadSignature, NotOpened, ValueError) as error:
                log.warning("platform_certificates_not_fetched", reason=type(error).__name__)
                return
            # What was known stays: an old certificate is no worse for a new one.
            self._certificates |= fresh
            self._ask_from = time.monotonic() + REFRESH_SECONDS

    def _opened(self, reply: Reply) -> dict[int, x509.Certificate]:
        """The certificates of an answer: encrypted with a key only WeChat Pay and we have, and signed with one of them.

        Raises:
            NotOpened, ValueError, BadSignature: they are not authentic.
        """
        try:
            entries = _Certificates.model_validate_json(reply.body).data
        except ValidationError:
            raise ValueError("no certificates") from None
        opened = [x509.load_pem_x509_certificate(entry.encrypt_certificate.open(self._api_key)) for entry in entries]
        found = {certificate.serial_number: certificate for certificate in opened}
        signed = Signed.of(reply.headers)
        signer = found.get(int(signed.serial, 16)) if _SERIAL.fullmatch(signed.serial) else None
        if signer is not None:
            signed.check(_rsa(signer), reply.body)
        elif signed.serial in self._fixed:
            signed.check(self._fixed[signed.serial], reply.body)
        else:
            raise BadSignature("unknown_key")
        return found


def _valid(certificate: x509.Certificate, moment: datetime) -> bool:
    return certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc


def _rsa(certificate: x509.Certificate) -> RSAPublicKey:
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise BadSignature("unknown_key")
    return key
