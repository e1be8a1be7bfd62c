"""The steps before a service starts, in one process: `python -m deploy.local.preparation PACKAGE STEP...`.

The services are prepared beside each other, and each starts as soon as its own steps are done.

In production these are the separate commands `python -m chassis.migrations upgrade`, `python -m svc_NAME.starter`,
`python -m svc_identity.memberships grant-operator`, `python -m svc_identity.people.factors.enrolment` and, for a broker
that lost its data, `python -m chassis.outbox resend`.
"""

import asyncio
import os
import runpy
import sys
from collections.abc import Callable, Mapping, Sequence

from chassis import migrations, outbox
from chassis.settings import load

# Not arguments: every user of the machine can see those.
OPERATOR_PHONES, OPERATOR_AUTHENTICATORS = "MYILI_OPERATOR_PHONES", "MYILI_OPERATOR_AUTHENTICATORS"
ENOUGH_OPERATORS = FACTORS_EXIST = 3
"""Exit codes of svc_identity.memberships and svc_identity.people.factors.enrolment."""


def migrate(package: str) -> None:
    if migrations.main(["upgrade", package]) != 0:
        raise SystemExit(1)


def load_starter_data(package: str) -> None:
    _become(package)
    _run(f"{package}.starter")


def grant_operators(package: str) -> None:
    _become(package)
    authenticators = os.environ[OPERATOR_AUTHENTICATORS].split(",")
    for phone, key in zip(os.environ[OPERATOR_PHONES].split(","), authenticators, strict=True):
        # Operators who were made over HTTP may have removed these since.
        _run("svc_identity.memberships", "grant-operator", "--phone", phone, accepted=(ENOUGH_OPERATORS,))
        enrolment = ("--phone", phone, "--reason", "operator of this machine", "--key", key)
        _run("svc_identity.people.factors.enrolment", *enrolment, accepted=(FACTORS_EXIST,))


def resend(package: str) -> None:
    _become(package)
    asyncio.run(outbox.resend_all([package]))


STEPS: Mapping[str, Callable[[str], None]] = {
    "migrate": migrate,
    "starter-data": load_starter_data,
    "operators": grant_operators,
    "resend": resend,
}


def _become(package: str) -> None:
    """Let the next step see what the service itself is given."""
    given = load(migrations.AdministratorSettings)
    role = given.url_of(package).set(username=migrations.Roles.of(package).runtime, password=given.password_of(package))
    os.environ["MYILI_DATABASE_URL"] = role.render_as_string(hide_password=False)
    service = package.removeprefix("svc_")
    if password := os.environ.get(f"MYILI_KAFKA_PASSWORDS__{service.upper()}"):
        os.environ |= {"MYILI_KAFKA_USERNAME": f"myili_{service}", "MYILI_KAFKA_PASSWORD": password}


def _run(module: str, *arguments: str, accepted: Sequence[int] = ()) -> None:
    """Run a module as `python -m` does; codes other than 0 and the accepted ones end this process."""
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code and end.code not in accepted:
            raise


if __name__ == "__main__":
    prepared, *wanted = sys.argv[1:]
    for step in wanted:
        STEPS[step](prepared)
