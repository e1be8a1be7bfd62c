"""Who may call: access rules that several slices share."""

from typing import Annotated

from fastapi import Depends, Request, Response

from chassis.auth import Caller, TokenRule, allow
from chassis.problems import preferred_language
from kit.callers import ByKind

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
