"""Verification codes of papers: 19 characters of chance, 93 bits, and one that gives a typing mistake away."""

import hashlib
import secrets
import unicodedata

# No I, L, O and U and no 0 and 1, which are taken for one another; thirty, because 31 is a prime, as the check needs.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 20
_MODULUS = len(ALPHABET)
_GROUP = 4
_MOST_TYPED = 60


def new_code() -> str:
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH - 1))
    return drawn + check_character(drawn)


def check_character(drawn: str) -> str:
    """Of ISO 7064's hybrid systems, MOD 31,30: finds every wrong character and nearly every two that changed places."""
    product = _MODULUS
    for character in drawn:
        total = (product + ALPHABET.index(character)) % _MODULUS or _MODULUS
        product = total * 2 % (_MODULUS + 1)
    return ALPHABET[(1 - product) % _MODULUS]


def shown(code: str) -> str:
    """In groups of four, as it is printed."""
    return "-".join(code[place : place + _GROUP] for place in range(0, len(code), _GROUP))


def read(typed: str) -> str | None:
    """A typed code in its canonical form, whatever its grouping and letter width; None when it cannot be a code."""
    if len(typed) > _MOST_TYPED:
        return None
    code = "".join(character for character in unicodedata.normalize("NFKC", typed).upper() if character.isalnum())
    well_formed = len(code) == LENGTH and set(code) <= set(ALPHABET)
    return code if well_formed and check_character(code[:-1]) == code[-1] else None


def hash_of(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
