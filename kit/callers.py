"""One endpoint for several kinds of callers, each with a rule of its own."""

from fastapi import Request
from fastapi.security.base import SecurityBase

from chassis.auth import Caller, Rule, TokenRule, TokenVerifier
from chassis.tokens import presented_token


def acting_for_organisations(scope: str) -> TokenRule:
    """Require a token of a person who acts for an organisation, see `Caller.actor`."""
    return TokenRule(kind="organisation", scope=scope)


class ByKind(Rule, SecurityBase):
    """A rule for each kind of token; any other kind is refused by the first."""

    def __init__(self, **rules: TokenRule) -> None:
        self._first, *_ = rules.values()
        self._rules = rules
        self.model, self.scheme_name = self._first.model, self._first.scheme_name
        self.who_may_call = "; or ".join(rule.who_may_call for rule in rules.values())

    async def __call__(self, request: Request) -> Caller:
        request.state.access = {"rule": self.who_may_call}
        verifier: TokenVerifier = request.app.state.token_verifier
        _scheme, token = presented_token(request)
        caller = await verifier.verify(token)
        return await self._rules.get(caller.kind, self._first)(request)
