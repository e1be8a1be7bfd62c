"""The company's customers: account numbers as its kind of utility has them, and invented holders, all from a seed."""

from functools import cache
from random import Random
from typing import NamedTuple

from contracts.reference_provider.numbering import NUMBERINGS

MOST_ACCOUNTS = 1_000_000
NUMERALS = "零一二三四五六七八九"


class Account(NamedTuple):
    account_number: str
    holder_name: str


def account_number(seed: str | int, n: int, kind: str = "water") -> str:
    if not 0 <= n < MOST_ACCOUNTS:
        raise ValueError(f"There is no account {n}: they are numbered from 0 to {MOST_ACCOUNTS - 1}.")
    return NUMBERINGS[kind].number(_prefix(seed), n)


def account_holder(seed: str | int, n: int, kind: str = "water") -> Account:
    """The n-th customer, with an invented name: 测试居民 (test resident) and a number of six figures."""
    serial = (n + _first_name(seed)) % MOST_ACCOUNTS
    return Account(
        account_number(seed, n, kind), "测试居民" + "".join(NUMERALS[int(figure)] for figure in f"{serial:06}")
    )


def position(seed: str | int, number: str, kind: str = "water") -> int:
    """The inverse of `account_number`."""
    n = NUMBERINGS[kind].serial_of(number)
    if n < 0 or account_number(seed, n, kind) != number:
        raise ValueError(f"{number} is not an account number of this company (seed {seed}).")
    return n


@cache
def _prefix(seed: str | int) -> int:
    return Random(f"prefix of {seed}").randrange(100, 1000)  # noqa: S311 - no secret


@cache
def _first_name(seed: str | int) -> int:
    return Random(f"names of {seed}").randrange(MOST_ACCOUNTS)  # noqa: S311 - no secret
