"""Who may call: access rules that several slices share."""

from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.security.base import SecurityBase

from chassis.auth import Caller, Rule, TokenRule, TokenVerifier, allow
from chassis.problems import preferred_language
from chassis.tokens import presented_token

BilledResident = Annotated[Caller, Depends(allow(scope="bills", assurance_level=2))]
"""A resident whose app may see bills and usage."""
PayingResident = Annotated[Caller, Depends(allow(scope="pay", assurance_level=2))]
"""A resident whose app may pay, and see what was paid."""
BillSender = Annotated[Caller, Depends(allow(scope="bills:write"))]
"""A provider's system."""


async def _language(request: Request, response: Response) -> str:
    language = preferred_language(request.headers.get("accept-language", ""))
    response.headers.update({"Content-Language": language, "Vary": "Accept-Language"})
    return language


Language = Annotated[str, Depends(_language)]


class PersonOrClient(Rule, SecurityBase):
    """One rule for people and another for providers' systems, at the same endpoint."""

    def __init__(self, *, person: TokenRule, client: TokenRule) -> None:
        self.model, self.scheme_name = person.model, person.scheme_name
        self._rules = {"person": person, "client": client}
        self.who_may_call = "; or ".join(rule.who_may_call for rule in self._rules.values())

    async def __call__(self, request: Request) -> Caller:
        request.state.access = {"rule": self.who_may_call}
        verifier: TokenVerifier = request.app.state.token_verifier
        _scheme, token = presented_token(request)
        caller = await verifier.verify(token)
        return await self._rules[caller.kind](request)
