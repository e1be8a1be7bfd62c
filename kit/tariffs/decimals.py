"""Decimal strings as whole numbers of their smallest units, and the one rounding of tariffs.

Strings, because a JSON number is a float to most clients. ASCII digits only, no exponent, no sign.
"""

import re
from fractions import Fraction
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

QUANTITY_PLACES, PRICE_PLACES = 3, 4
QUANTITY = r"^(0|[1-9][0-9]{0,8})(\.[0-9]{1,3})?$"
PRICE = r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,4})?$"
FEN_PER_YUAN = 100


def scaled(decimal: str, places: int) -> int:
    """A decimal string as a whole number of its smallest units: ("2.3", 4) -> 23000."""
    whole, _, fraction = decimal.partition(".")
    return int(whole + fraction.ljust(places, "0"))


def written(number: int, places: int, *, at_least: int = 0) -> str:
    """The opposite of `scaled`, without trailing zeros: (23000, 4, at_least=2) -> "2.30"."""
    whole, fraction = divmod(number, 10**places)
    digits = f"{fraction:0{places}}".rstrip("0").ljust(at_least, "0")
    return f"{whole}.{digits}" if digits else str(whole)


def half_up(exact: Fraction) -> int:
    """The nearest whole number; of two as near, the one further from zero. The only rounding of a tariff."""
    nearest = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
    return nearest if exact >= 0 else -nearest


def _quantity(value: object) -> int:
    if not isinstance(value, str) or not re.fullmatch(QUANTITY, value, re.ASCII):
        raise ValueError("must be a decimal string with at most three decimals, such as 12.5")
    return scaled(value, QUANTITY_PLACES)


def _price(value: object) -> int:
    if not isinstance(value, str) or not re.fullmatch(PRICE, value, re.ASCII):
        raise ValueError("must be a decimal string with at most four decimals, such as 2.35")
    return scaled(value, PRICE_PLACES)


def quantity_text(thousandths: int) -> str:
    return written(thousandths, QUANTITY_PLACES)


def price_text(ten_thousandths: int) -> str:
    return written(ten_thousandths, PRICE_PLACES, at_least=2)


Quantity = Annotated[
    int,
    PlainValidator(_quantity),
    PlainSerializer(quantity_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": QUANTITY}),
]
"""Thousandths of a unit, a decimal string in JSON."""
Price = Annotated[
    int,
    PlainValidator(_price),
    PlainSerializer(price_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PRICE}),
]
"""Ten-thousandths of a yuan, a decimal string in JSON."""
