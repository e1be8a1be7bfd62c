"""Who may call: access rules that several slices share."""

from typing import Annotated

from fastapi import Depends, Request, Response

from chassis.auth import Caller, NotAllowed, TokenRule, allow
from chassis.problems import Problem, preferred_language
from kit.callers import ByKind
from svc_payments.parties.mini_apps.queries import app_of

BilledResident = Annotated[Caller, Depends(allow(scope="bills", assurance_level=2))]
"""A resident whose app may see bills and usage."""
PayingResident = Annotated[Caller, Depends(allow(scope="pay", assurance_level=2))]
"""A resident whose app may pay, and see what was paid."""
RELATIVE = "relative"
"""Who acts for a person by a family account, see `Caller.actor`."""
BillSender = Annotated[Caller, Depends(allow(scope="bills:write"))]
"""A provider's system."""


async def _language(request: Request, response: Response) -> str:
    language = preferred_language(request.headers.get("accept-language", ""))
    response.headers.update({"Content-Language": language, "Vary": "Accept-Language"})
    return language


Language = Annotated[str, Depends(_language)]


def helping(scope: str) -> TokenRule:
    """Require a token of somebody who helps the person whom it names."""
    return TokenRule(kind=RELATIVE, scope=scope, assurance_level=2)


async def record_helper_read(request: Request, caller: Caller) -> Caller:
    """Record what a relative reads before they read it; nobody else's reads are recorded."""
    if caller.kind == RELATIVE:
        action: str = request.scope["route"].name
        await request.app.state.record_helper_read(request.app.state.database, caller, action)
    return caller


async def _reader(
    request: Request,
    caller: Annotated[
        Caller, Depends(ByKind(person=allow(scope="bills", assurance_level=2), relative=helping("bills")))
    ],
) -> Caller:
    return await record_helper_read(request, caller)


BilledResidentOrRelative = Annotated[Caller, Depends(_reader)]
"""A resident, or who may see bills for them; what a relative reads is recorded."""
PayingResidentOrRelative = Annotated[
    Caller, Depends(ByKind(person=allow(scope="pay", assurance_level=2), relative=helping("pay")))
]
"""A resident, or who may pay for them."""

RESIDENTS_APP = "myili-app"
"""The client of the residents' app in svc_identity; `pay` may be granted to others' apps too."""


class ResidentsAppOnly(Problem):
    """An order of a mini-app is seen and confirmed outside that mini-app."""

    status, code = 403, "residents_app_only"


class ResidentsAppRule(TokenRule):
    """Requires that the token was given to the residents' app itself."""

    async def __call__(self, request: Request) -> Caller:
        caller = await super().__call__(request)
        require_residents_app(caller)
        return caller


def require_residents_app(caller: Caller) -> None:
    """Refuse every other app.

    Raises:
        ResidentsAppOnly
    """
    if caller.client_id != RESIDENTS_APP:
        raise ResidentsAppOnly


class AppServerRule(TokenRule):
    """Requires a token that the server of a mini-app got for itself."""

    async def __call__(self, request: Request) -> Caller:
        caller = await super().__call__(request)
        if app_of(caller) is None:
            raise NotAllowed(self.in_words)
        return caller


ConfirmingResident = Annotated[Caller, Depends(ResidentsAppRule(kind="person", scope="pay", assurance_level=2))]
"""A resident in the residents' app."""
AppServer = Annotated[Caller, Depends(AppServerRule(kind="client", scope="orders"))]
