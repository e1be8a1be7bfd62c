"""The apps of the platform itself, in which alone people act on their account.

What somebody allows to another app, on a page that names a name and a phone, must not reach their factors, their data
as a file, their sign-ins or the closing of the account.
"""

from fastapi import Request

from chassis.auth import Caller, TokenRule
from chassis.problems import Problem

STAFF_CONSOLE = "myili-staff"
OWN_APPS = ("myili-app", STAFF_CONSOLE)
"""Every other app shows what it asks for on each sign-in."""


class OwnAppsOnly(Problem):
    status, code = 403, "own_apps_only"


class OwnAppRule(TokenRule):
    """Requires that the token was given to an app of the platform itself."""

    async def __call__(self, request: Request) -> Caller:
        caller = await super().__call__(request)
        if caller.client_id not in OWN_APPS:
            raise OwnAppsOnly
        return caller


def allow_in_own_apps(*, scope: str, assurance_level: int = 0) -> OwnAppRule:
    """Require a person, of an assurance level, in an app of the platform itself."""
    return OwnAppRule(kind="person", scope=scope, assurance_level=assurance_level)
