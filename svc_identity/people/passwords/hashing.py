"""Passwords as Argon2id hashes (RFC 9106), computed in threads of which few run at once.

A hash takes 64 MiB: without a limit a flood of sign-ins would take all memory. Beyond it the answer is to try later.
"""

import hmac
import unicodedata

import anyio.to_thread
from anyio import CapacityLimiter
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from chassis.problems import TryLater
from svc_identity.keys import derive
from svc_identity.settings import Settings

AT_ONCE = 2
WAITING = 20
"""Beyond so many that run or wait, the next one is refused."""
PASSES, MEMORY_KIB, LANES = 3, 64 * 1024, 4
"""The second recommended option of RFC 9106, section 4; more than OWASP's minimum."""


class PasswordsBusy(TryLater):
    """Too many passwords are being checked."""

    code = "passwords_busy"


def normal(password: str) -> str:
    """One form of what looks alike, whatever the keyboard makes (NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFC", password)


class Hashing:
    """Hashes passwords and checks them, with a key that is not in the database."""

    def __init__(self, settings: Settings) -> None:
        self._key = derive(settings.index_key.get_secret_value(), "passwords")
        self._argon2 = PasswordHasher(PASSES, MEMORY_KIB, LANES, type=Type.ID)
        self._limiter = CapacityLimiter(AT_ONCE)
        self._under_way = 0

    async def hash(self, password: str) -> str:
        """A hash with a salt of its own.

        Raises:
            PasswordsBusy
        """
        return await self._run(password, "")

    async def fits(self, password: str, known: str) -> bool:
        """Whether it is the password of a hash.

        Raises:
            PasswordsBusy
        """
        return await self._run(password, known) == known

    async def _run(self, password: str, known: str) -> str:
        if self._under_way >= WAITING:
            raise PasswordsBusy
        self._under_way += 1
        keyed = hmac.digest(self._key, normal(password).encode(), "sha256")
        try:
            return await anyio.to_thread.run_sync(self.hash_or_verify, keyed, known, limiter=self._limiter)
        finally:
            self._under_way -= 1

    def hash_or_verify(self, keyed: bytes, known: str) -> str:
        """A new hash, or the known one if it fits; blocks its thread."""
        if not known:
            return self._argon2.hash(keyed)
        try:
            self._argon2.verify(known, keyed)
        except (VerificationError, InvalidHashError):
            return ""
        return known
