"""Who may call: access rules that several slices share."""

from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.security.base import SecurityBase

from chassis.auth import Caller, Rule, TokenRule, TokenVerifier, allow
from chassis.problems import preferred_language
from chassis.tokens import presented_token

HELPER = "helper"

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


class ByKind(Rule, SecurityBase):
    """One rule for each kind of caller, at the same endpoint."""

    def __init__(self, **rules: TokenRule) -> None:
        first = next(iter(rules.values()))
        self.model, self.scheme_name, self._rules = first.model, first.scheme_name, rules
        self.who_may_call = "; or ".join(rule.who_may_call for rule in rules.values())

    async def __call__(self, request: Request) -> Caller:
        request.state.access = {"rule": self.who_may_call}
        verifier: TokenVerifier = request.app.state.token_verifier
        _scheme, token = presented_token(request)
        kind = (await verifier.verify(token)).kind
        # Who is of no kind that may call gets the refusal of the first rule.
        return await self._rules.get(kind, next(iter(self._rules.values())))(request)


class PersonOrClient(ByKind):
    """One rule for people and another for providers' systems, at the same endpoint."""

    def __init__(self, *, person: TokenRule, client: TokenRule) -> None:
        super().__init__(person=person, client=client)


def helping(scope: str) -> TokenRule:
    """Require a token of somebody who helps the person whom it names, by a family account."""
    return TokenRule(kind=HELPER, scope=scope, assurance_level=2)


PayingResidentOrHelper = Annotated[
    Caller, Depends(ByKind(person=allow(scope="pay", assurance_level=2), helper=helping("pay")))
]
"""A resident, or who may pay for them."""
