"""Who may call: access rules that several slices share."""

from typing import Annotated

from fastapi import Depends, Request, Response

from chassis.auth import Caller, TokenRule, allow
from chassis.problems import preferred_language

Resident = Annotated[Caller, Depends(allow(persons=True, assurance_level=2))]
BillSender = Annotated[Caller, Depends(allow(scope="bills:write"))]
"""A provider's system."""


async def _language(request: Request, response: Response) -> str:
    language = preferred_language(request.headers.get("accept-language", ""))
    response.headers.update({"Content-Language": language, "Vary": "Accept-Language"})
    return language


Language = Annotated[str, Depends(_language)]


class PersonOrClient(TokenRule):
    """One rule for people and another for providers' systems, at the same endpoint."""

    def __init__(self, *, person: TokenRule, client: TokenRule) -> None:
        super().__init__(persons=True, clients=True)
        self._rules = {"person": person, "client": client}
        self.who_may_call = "; or ".join(rule.who_may_call for rule in self._rules.values())

    async def __call__(self, request: Request) -> Caller:
        caller = await super().__call__(request)
        return await self._rules[caller.kind](request)
