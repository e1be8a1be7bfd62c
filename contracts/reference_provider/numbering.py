"""How account numbers look, by kind of utility: what the company declares in its application, and how it makes them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

_SERIAL = 6
"""Digits that count the accounts."""


def mod_11_10(digits: str) -> str:
    """ISO 7064 MOD 11,10 (GB/T 17710): detects every wrong digit, and nearly every transposition of two digits."""
    product = 10
    for digit in digits:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return str((11 - product) % 10)


def luhn(digits: str) -> str:
    """ISO/IEC 7812-1, as on cards: every second digit counts double."""
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[::-2]]
    return str(-(sum(doubled) + sum(map(int, digits[-2::-2]))) % 10)


def verhoeff(digits: str) -> str:
    """Verhoeff's rule, by the dihedral group D5: detects every transposition of two neighbours as well."""
    return next(str(digit) for digit in range(10) if _product_of(f"{digits}{digit}") == 0)


def _product_of(number: str) -> int:
    product = 0
    for place, digit in zip(count(), reversed(number), strict=False):
        image = int(digit)
        for _ in range(place % 8):
            image = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[image]
        turned = (product + image) % 5 if product < 5 else (product - image) % 5  # noqa: PLR2004 - a pentagon has five
        product = turned + 5 * ((product >= 5) != (image >= 5))  # noqa: PLR2004 - as above
    return product


def _no_check(_: str) -> str:
    return ""


@dataclass(frozen=True)
class Numbering:
    """One way to number accounts; the part after the prefix and before the check digit counts them."""

    label: Mapping[str, str]
    pattern: str
    check_rule: str
    begins: str
    """What every number begins with."""
    length: int
    example: str
    check: Callable[[str], str] = _no_check

    def number(self, prefix: int, serial: int) -> str:
        """The number of an account of the company with this prefix of three digits."""
        checked = 1 if self.check is not _no_check else 0
        room = self.length - checked - len(self.begins) - len(f"{prefix}")
        digits = f"{self.begins}{prefix}{serial:0{room}}"
        return digits + self.check(digits)

    def serial_of(self, number: str) -> int:
        """The serial of a number that may be anything; -1 where there is none."""
        end = len(number) - (self.check is not _no_check)
        digits = number[max(end - _SERIAL, 0) : end]
        return int(digits) if digits.isascii() and digits.isdecimal() else -1

    @property
    def customer_parameters(self) -> dict[str, Any]:
        """The declaration in the application."""
        return {
            "label": dict(self.label),
            "pattern": self.pattern,
            "min_length": self.length,
            "max_length": self.length,
            "check_rule": self.check_rule,
            "example": self.example,
        }


_TEN_DIGITS = Numbering(
    label={"zh": "户号", "en": "Account number", "kk": "تۇتىنۋشى ٴنومىرى", "ug": "ئابونت نومۇرى"},
    pattern="[0-9]{10}",
    check_rule="mod_11_10",
    begins="",
    length=10,
    example="1234567897",
    check=mod_11_10,
)
NUMBERINGS: Mapping[str, Numbering] = {
    "water": _TEN_DIGITS,
    "gas": _TEN_DIGITS,
    "heating": _TEN_DIGITS,
    "electricity": Numbering(
        label={"zh": "用电户号", "en": "Electricity account", "kk": "ەلەكتر ەسەپ ٴنومىرى", "ug": "توك ھېسابات نومۇرى"},
        pattern="0[0-9]{12}",
        check_rule="verhoeff",
        begins="0",
        length=13,
        example="0123400000013",
        check=verhoeff,
    ),
    "telecom": Numbering(
        label={"zh": "手机号码", "en": "Mobile number", "kk": "قالتا تەلەفون ٴنومىرى", "ug": "يانفون نومۇرى"},
        pattern="1[3-9][0-9]{9}",
        check_rule="none",
        begins="13",
        length=11,
        example="13800138000",
    ),
    "cable_tv": Numbering(
        label={"zh": "智能卡号", "en": "Smart card number", "kk": "اقىلدى كارتا ٴنومىرى", "ug": "ئەقلىي كارتا نومۇرى"},
        pattern="8[0-9]{15}",
        check_rule="luhn",
        begins="8",
        length=16,
        example="8123400000000015",
        check=luhn,
    ),
}
"""What the sample companies declare."""
