"""Random valid phones, ID numbers and USCCs: new in each run, so that the demo can be repeated on one platform."""

import secrets
from datetime import date, timedelta

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ADULT_FROM, _DAYS = date(1950, 1, 1), 20_000


def phone() -> str:
    return f"+86199{secrets.randbelow(10**8):08}"


def id_number() -> str:
    """An 18-digit ID number with the check digit of GB 11643 (ISO 7064 MOD 11-2)."""
    born = _ADULT_FROM + timedelta(days=secrets.randbelow(_DAYS))
    digits = f"654002{born:%Y%m%d}{secrets.randbelow(1000):03}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, _ID_WEIGHTS, strict=True))
    return digits + "10X98765432"[total % 11]


def uscc(kind: str = "91") -> str:
    """A unified social credit code with the check character of GB 32100; `91` is a company, `12` an institution."""
    body = f"{kind}654000" + "".join(secrets.choice(_USCC_ALPHABET) for _ in range(8)) + "A"
    total = sum(_USCC_ALPHABET.index(character) * pow(3, place, 31) for place, character in enumerate(body))
    return body + _USCC_ALPHABET[-total % 31]
