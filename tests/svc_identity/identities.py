"""New numbers with valid check characters that no known person or organisation has."""

import secrets
from datetime import date, timedelta
from typing import Any

from stdnum.cn import uscc
from stdnum.iso7064 import mod_11_2

from svc_identity.people.agreements.documents import version_in_force

NAME = "张三"


def id_number(division: str = "654002", born: str | None = None) -> str:
    # The day is random too: a day has a thousand numbers, and the registry remembers the first name of each, so two
    # tests must not take the same one.
    day = born or (date(1950, 1, 1) + timedelta(days=secrets.randbelow(20_000))).strftime("%Y%m%d")
    body = f"{division}{day}{secrets.randbelow(1000):03}"
    return body + mod_11_2.calc_check_digit(body)


def wrong_check(number: str) -> str:
    return number[:-1] + ("0" if number[-1] != "0" else "1")


def new_uscc(ending: str | None = None) -> str:
    """A USCC of a division in Ili; the registry stand-in knows it unless `ending` says otherwise."""
    digits = ending or f"{1 + secrets.randbelow(9998):04}"
    body = f"91654002MA{secrets.randbelow(1000):03}{digits}"
    return body + str(uscc.calc_check_digit(body))


def proof(name: str = NAME, number: str | None = None) -> dict[str, Any]:
    return {"name": name, "id_number": number or id_number(), "consent_version": version_in_force()}
