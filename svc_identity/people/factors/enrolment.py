"""`python -m svc_identity.people.factors.enrolment --phone +8613800000001 --reason …`: let staff set up a factor.

It prints an enrolment code, good once within 24 hours. The person types it when they sign in to the staff console,
where they set up an authenticator app. For the first operators; all others get theirs from an operator. With --key it
sets up an authenticator app itself, on machines of developers and for tests.
"""

import argparse
import asyncio
import sys

from chassis.db import now
from chassis.settings import load
from svc_identity.fields import normalise_phone
from svc_identity.people.factors import codes, service
from svc_identity.people.factors.models import Factor, FactorKind
from svc_identity.people.persons.service import person_of_phone
from svc_identity.settings import Settings
from svc_identity.vault.commands import opened
from svc_identity.vault.reindexing import KeyMissing

HAS_FACTORS = 3
"""The exit code when the person can sign in with a second factor and --reset is not given."""


class FactorsExist(Exception):  # noqa: N818 - a refusal is an answer
    """The person has a factor that counts for roles."""


async def issue(settings: Settings, phone: str, reason: str, *, reset: bool = False, key: str = "") -> str:
    """Issue an enrolment code for the person of a phone, who is registered when new.

    Args:
        settings: of the service.
        phone: in E.164.
        reason: why; kept in the trail.
        reset: remove the factors that the person has.
        key: of an authenticator app, base32, which is set up instead; then there is no code.

    Raises:
        FactorsExist
        KeyMissing: phones are found by a key that the settings do not list.
    """
    async with opened(settings) as database, database.transaction() as tx:
        person = await person_of_phone(tx, phone)
        if await service.factors_of(tx, person.id, vouched=True):
            if not reset:
                raise FactorsExist
            for factor in await service.factors_of(tx, person.id):
                await service.remove(tx, factor, "reset_by_command")
        if key:
            factor = Factor(person_id=person.id, kind=FactorKind.TOTP, name="TOTP", secret=key, vouched_at=now())
            await service.add(tx, factor)
            return ""
        return await codes.issue_enrolment_code(tx, person.id, reason, None)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m svc_identity.people.factors.enrolment", description="Let a member of staff set up a factor."
    )
    parser.add_argument("--phone", required=True, help="their mobile number, such as +8613800000001")
    parser.add_argument("--reason", required=True, help="kept in the trail")
    parser.add_argument("--reset", action="store_true", help="remove the factors that they have and have lost")
    parser.add_argument("--key", default="", help="key of an authenticator app, base32, to set up instead of a code")
    given = parser.parse_args(arguments)
    try:
        phone, how = normalise_phone(given.phone), {"reset": given.reset, "key": given.key}
        code = asyncio.run(issue(load(Settings), phone, given.reason, **how))
    except ValueError as error:
        sys.stderr.write(f"--phone is {error}.\n")
        return 2
    except KeyMissing as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    except FactorsExist:
        sys.stderr.write(
            "This person has a second factor. If it is lost, two operators reset it over HTTP "
            "(POST /identity/v1/factor-resets); where they cannot, use --reset.\n"
        )
        return HAS_FACTORS
    sys.stdout.write(f"{code}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
