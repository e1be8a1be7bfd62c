"""Accounts invented for a sandbox: numbers that fit the company's declaration, and names that nobody has."""

from hashlib import sha512
from itertools import cycle, islice
from uuid import UUID

from kit.fields.customer_parameters import CustomerParameters

HELD = 8
"""Accounts with a holder; each rule that depends on what was asked before has one of its own."""
_NUMERALS = "零一二三四五六七八九"
_TRIES = 20_000
_LEAST = 2
OTHER_NAME = "测试用户无此人"


def invented(application_id: UUID, parameters: CustomerParameters) -> tuple[list[dict[str, str]], str] | None:
    """The accounts of a sandbox and one number that it must not know; None where too few numbers fit.

    The same for an application however often it is asked for.
    """
    numbers = _numbers(application_id, parameters)
    if len(numbers) < _LEAST:
        return None
    *held, unknown = numbers
    rows = [
        {"account_number": number, "holder_name": f"测试用户{_NUMERALS[place // 10]}{_NUMERALS[place % 10]}"}
        for place, number in enumerate(held)
    ]
    return list(islice(cycle(rows), HELD)), unknown


def _numbers(application_id: UUID, parameters: CustomerParameters) -> list[str]:
    """Different numbers that fit, found by changing digits of the declared example."""
    found: dict[str, None] = {}
    for attempt in range(_TRIES):
        if len(found) > HELD:
            break
        drawn = sha512(f"{application_id}/{attempt}".encode()).digest()
        number = "".join(_changed(*each) for each in zip(parameters.example, drawn, strict=False))
        if number != parameters.example and parameters.fault(number) is None:
            found[number] = None
    return list(found)


def _changed(character: str, drawn: int) -> str:
    """A digit is changed half of the time; anything else stays."""
    return str(drawn // 2 % 10) if character in "0123456789" and drawn % 2 else character
