"""The company's customers: account numbers with their check digit, and invented holders, all from a seed."""

from functools import cache
from random import Random
from typing import NamedTuple

MOST_ACCOUNTS = 1_000_000
NUMERALS = "零一二三四五六七八九"


class Account(NamedTuple):
    account_number: str
    holder_name: str


def check_digit(digits: str) -> str:
    """ISO 7064 MOD 11,10 (GB/T 17710): detects every wrong digit, and nearly every transposition of two digits."""
    product = 10
    for digit in digits:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return str((11 - product) % 10)


def account_number(seed: str | int, n: int) -> str:
    if not 0 <= n < MOST_ACCOUNTS:
        raise ValueError(f"There is no account {n}: they are numbered from 0 to {MOST_ACCOUNTS - 1}.")
    digits = f"{_prefix(seed)}{n:06}"
    return digits + check_digit(digits)


def account_holder(seed: str | int, n: int) -> Account:
    """The n-th customer, with an invented name: 测试居民 (test resident) and a number of six figures."""
    serial = (n + _first_name(seed)) % MOST_ACCOUNTS
    return Account(account_number(seed, n), "测试居民" + "".join(NUMERALS[int(figure)] for figure in f"{serial:06}"))


def position(seed: str | int, number: str) -> int:
    """The inverse of `account_number`."""
    n = int(number[3:9]) if number[3:9].isdecimal() else MOST_ACCOUNTS
    if n >= MOST_ACCOUNTS or account_number(seed, n) != number:
        raise ValueError(f"{number} is not an account number of this company (seed {seed}).")
    return n


@cache
def _prefix(seed: str | int) -> int:
    return Random(f"prefix of {seed}").randrange(100, 1000)  # noqa: S311 - no secret


@cache
def _first_name(seed: str | int) -> int:
    return Random(f"names of {seed}").randrange(MOST_ACCOUNTS)  # noqa: S311 - no secret
