"""Codes of invitations, and the names they are bound to."""

import hashlib
import hmac
import re
import secrets
import unicodedata

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH, _GROUP = 16, 4
"""80 random bits: nobody guesses one, online or from its hash."""
_MISTAKEN = str.maketrans("OIL", "011")
_DOTS = re.compile("[·•・‧∙⋅.]")
"""Between the parts of a name, as keyboards have them: U+00B7, U+2022, U+30FB, U+2027, U+2219, U+22C5."""
_GAPS = re.compile(r"[\s-]")


def new_code() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def grouped(code: str) -> str:
    """A code as people read it out."""
    return "-".join(code[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))


def typed(code: str) -> str:
    """A code as it was given out, from what somebody typed."""
    return _GAPS.sub("", unicodedata.normalize("NFKC", code)).upper().translate(_MISTAKEN)


def hash_of(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


def mac_of(code: str, name: str) -> bytes:
    """Of a name, however its dots, spaces and letters are typed."""
    plain = _DOTS.sub("·", _GAPS.sub("", unicodedata.normalize("NFKC", name))).casefold()
    return hmac.digest(code.encode(), plain.encode(), "sha256")
