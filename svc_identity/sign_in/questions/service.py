"""The question that stands before a code beyond a limit: a script computes its answer, or a person reads it and types.

It is made and checked here, without any other service. It belongs to one phone and one line, and one answer, right or
wrong, uses it up.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from svc_identity.settings import Settings
from svc_identity.sign_in import challenges, code_limits
from svc_identity.sign_in.digits import plain_digits
from svc_identity.sign_in.models import Proof

DIGITS = 5
_PURPOSE = "questions"
_BYTES = 32
_LONGEST_WORK = 20
_PREFIX = 32


@dataclass(frozen=True)
class Question:
    """What a page asks."""

    sealed: str
    digits: str
    """To be read as words, and typed as digits."""
    bits: int

    @property
    def prefix(self) -> str:
        """What a script appends a number to, until the hash begins with enough zero bits."""
        return _prefix(self.sealed)


def new_question(settings: Settings, phone: str, address: str, bits: int) -> Question:
    digits = "".join(secrets.choice("123456789") for _ in range(DIGITS))
    about = code_limits.about(phone, address)
    return Question(challenges.seal(settings, _PURPOSE, about=about, digits=digits, bits=bits), digits, bits)


async def proof_of(
    tx: AsyncSession, settings: Settings, fields: Mapping[str, str], phone: str, address: str
) -> Proof | None:
    """How the fields of a form answer its question; None if they do not. The transaction uses the question up."""
    sealed = fields.get("question", "")
    found = challenges.opened(settings, _PURPOSE, sealed) if sealed else None
    if found is None or not hmac.compare_digest(found["about"], code_limits.about(phone, address)):
        return None
    if not await challenges.use(tx, found):
        return None
    if _is_done(sealed, fields.get("work", ""), found["bits"]):
        return Proof.WORK
    return Proof.WORDS if plain_digits(fields.get("answer", "")) == found["digits"] else None


def _is_done(sealed: str, work: str, bits: int) -> bool:
    if not (work.isascii() and work.isdigit() and len(work) <= _LONGEST_WORK):
        return False
    digest = hashlib.sha256(f"{_prefix(sealed)}:{work}".encode()).digest()
    return int.from_bytes(digest, "big") >> (_BYTES * 8 - bits) == 0


def _prefix(sealed: str) -> str:
    return hashlib.sha256(sealed.encode()).hexdigest()[:_PREFIX]
