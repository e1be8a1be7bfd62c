"""Who acts at run time: a resident in the residents' app, and the server of a mini-app by its own token."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from chassis.auth import Caller, TokenRule, allow
from chassis.problems import Problem
from kit.openid_tickets import MINI_APP

HOST_APP = "myili-app"


class HostAppOnly(Problem):
    """A mini-app that residents sign in to could otherwise agree in their name, and read what other apps send them."""

    status, code = 403, "host_app_only"


class NotAMiniApp(Problem):
    status, code = 403, "not_a_mini_app"


class InHostApp(TokenRule):
    """Requires a person in the residents' app."""

    async def __call__(self, request: Request) -> Caller:
        caller = await super().__call__(request)
        if caller.client_id != HOST_APP:
            raise HostAppOnly
        return caller


Resident = Annotated[Caller, Depends(InHostApp(kind="person", scope="mini_apps"))]


async def _app_of(caller: Annotated[Caller, Depends(allow(scope="messages"))]) -> UUID:
    """The mini-app whose server calls; its client is named after it."""
    try:
        if not caller.client_id.startswith(MINI_APP):
            raise NotAMiniApp
        return UUID(caller.client_id.removeprefix(MINI_APP))
    except ValueError:
        raise NotAMiniApp from None


MessagingApp = Annotated[UUID, Depends(_app_of)]
