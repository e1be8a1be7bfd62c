"""`python -m svc_identity.memberships grant-operator --phone +8613800000001`: the first operators of a platform.

It needs two, as an operator is granted and removed by two others; all later ones are made over HTTP. Doing it twice
changes nothing.
"""

import argparse
import asyncio
import sys

from chassis.settings import load
from kit.fields.phones import mask_phone
from svc_identity.fields import normalise_phone
from svc_identity.organisations.operators import FEWEST, appointed, lock_roles
from svc_identity.organisations.role_changes.at_once import appoint_operator
from svc_identity.organisations.service import PREFECTURE, UnknownDivision, platform
from svc_identity.people.persons.service import person_of_phone
from svc_identity.settings import Settings
from svc_identity.vault.commands import opened
from svc_identity.vault.reindexing import KeyMissing

FIRST = "first operators of the platform"
ENOUGH = 3
"""The exit code when the platform has operators who can make others."""


class EnoughOperators(Exception):  # noqa: N818 - a refusal is an answer
    """The platform has operators who can make others."""


async def grant_operator(settings: Settings, phone: str, reason: str | None = None) -> str:
    """Make the person of a phone an operator of the platform; returns the sentence to show.

    Args:
        settings: of the service.
        phone: in E.164.
        reason: why the command is used although there are enough operators; kept with the grant.

    Raises:
        UnknownDivision: the starter data is not loaded.
        EnoughOperators: there are two, and no reason is given.
        KeyMissing: phones are found by a key that the settings do not list.
    """
    async with opened(settings) as database, database.transaction() as tx:
        await lock_roles(tx)
        person = await person_of_phone(tx, phone)
        known = await appointed(tx, reaching=PREFECTURE)
        if person.id not in known and len(known) >= FEWEST and reason is None:
            raise EnoughOperators
        granted = await appoint_operator(tx, await platform(tx), person, reason or FIRST)
    who = f"The person of {mask_phone(phone)}"
    if not granted:
        return f"{who} was an operator already; nothing changed."
    return f"{who} is now an operator, and can act as one after proving their identity in the app."


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m svc_identity.memberships", description="Give staff their roles.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("grant-operator", help="make somebody one of the first operators of the platform")
    command.add_argument("--phone", required=True, help="their mobile number, such as +8613800000001")
    command.add_argument("--reason", help="needed where two operators exist and cannot act, such as after an accident")
    given = parser.parse_args(arguments)
    try:
        sentence = asyncio.run(grant_operator(load(Settings), normalise_phone(given.phone), given.reason))
    except ValueError as error:
        sys.stderr.write(f"--phone is {error}.\n")
        return 2
    except KeyMissing as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    except UnknownDivision:
        sys.stderr.write("The divisions are not loaded: run `python -m svc_identity.starter` first.\n")
        return 1
    except EnoughOperators:
        sys.stderr.write(
            "There are two operators, who make others over HTTP (POST /identity/v1/role-changes). "
            "If they cannot act, say why with --reason; it is kept with the grant.\n"
        )
        return ENOUGH
    sys.stdout.write(f"{sentence}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
