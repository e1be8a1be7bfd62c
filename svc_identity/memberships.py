"""`python -m svc_identity.memberships grant-operator --phone +8613800000001`: the first operator of a platform.

Everybody later is added by an operator over HTTP. Doing it twice changes nothing.
"""

import argparse
import asyncio
import sys

from chassis.db import Database
from chassis.settings import load
from kit.fields.phones import mask_phone
from svc_identity.fields import normalise_phone
from svc_identity.organisations.models import Role
from svc_identity.organisations.service import UnknownDivision, grant_role, platform
from svc_identity.settings import Settings
from svc_identity.vault.encryption import use_keys_of


async def grant_operator(settings: Settings, phone: str) -> str:
    """Make the person of a phone an operator of the platform; returns the sentence to show.

    Raises:
        UnknownDivision: the starter data is not loaded.
    """
    use_keys_of(settings)
    database = Database.of(settings)
    try:
        async with database.transaction() as tx:
            granted = await grant_role(tx, await platform(tx), phone, Role.OPERATOR)
    finally:
        await database.close()
    person = f"The person of {mask_phone(phone)}"
    return f"{person} is now an operator." if granted else f"{person} was an operator already; nothing changed."


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m svc_identity.memberships", description="Give staff their roles.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("grant-operator", help="make somebody an operator of the platform")
    command.add_argument("--phone", required=True, help="their mobile number, such as +8613800000001")
    phone = parser.parse_args(arguments).phone
    try:
        sentence = asyncio.run(grant_operator(load(Settings), normalise_phone(phone)))
    except ValueError as error:
        sys.stderr.write(f"--phone is {error}.\n")
        return 2
    except UnknownDivision:
        sys.stderr.write("The divisions are not loaded: run `python -m svc_identity.starter` first.\n")
        return 1
    sys.stdout.write(f"{sentence}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
