"""Authentication and authorisation: each service verifies access tokens itself, and each endpoint declares a rule.

No header is trusted because the gateway sent it. An endpoint gets its caller from its rule; the contract documents the
rule, and a test requires one on every route:

    Resident = Annotated[Caller, Depends(allow(scope="notes", assurance_level=2))]
"""

import contextlib
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from fastapi import FastAPI, Request
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.routing import iter_route_contexts
from fastapi.security.base import SecurityBase
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chassis.db import Database
from chassis.problems import Problem, words
from chassis.settings import AUDIENCE
from chassis.tokens import SigningKeys, TokenExpired, TokenInvalid, Unauthenticated, presented_token

_CLOCK_LEEWAY = 30
_CACHE_SIZE = 20_000
_TOKENS = "An access token of svc_identity; one that is bound to a key is sent as `DPoP`, with its proof (RFC 9449)."
_MAX_TOKEN_LENGTH = 8_192
_SAID = {"kind", "client_id", "assurance_level", "client_key", "acr", "sid", "authority", "division_codes", "limits"}
TWO_FACTORS = ("urn:myili:sign-in:two-factors", "urn:myili:sign-in:phishing-resistant")  # `acr` of roles' tokens
# joserfc raises TypeError for some headers that are JSON but not JOSE, such as a `crit` that is not a list.
_NO_PROOF = (JoseError, ValueError, TypeError)


class NotAllowed(Problem):
    """The token is valid, but the caller lacks permission; the answer names who may call, in the reader's language."""

    status, code = 403, "not_allowed"

    def __init__(self, who_may_call: Callable[[str], str], scope: str = "", scheme: str = "Bearer") -> None:
        super().__init__()
        if scope:  # RFC 6750, 3.1
            self.headers = {"WWW-Authenticate": f'{scheme} realm="myili", error="insufficient_scope", scope="{scope}"'}
        self._who_may_call = who_may_call

    def render(self, language: str) -> dict[str, Any]:
        self.values = {"who_may_call": self._who_may_call(language)}
        return super().render(language)


class SecondFactorNeeded(Unauthenticated):
    code = "second_factor_needed"  # RFC 9470
    reason = f'Bearer realm="myili", error="insufficient_user_authentication", acr_values="{" ".join(TWO_FACTORS)}"'


class AssuranceTooLow(Problem):
    status, code = 403, "assurance_too_low"


class Membership(BaseModel):
    """A person's role in an organisation, optionally limited to one division."""

    model_config = ConfigDict(frozen=True)

    organisation_id: UUID
    role: str
    division_code: str | None = None


class Claims(BaseModel):
    """The claims of a verified access token (RFC 9068) that services use."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sub: str
    client_id: str
    kind: str = Field(pattern="^(person|client|organisation|relative)$")
    exp: int
    scope: str = ""
    assurance_level: int = 0
    memberships: tuple[Membership, ...] = ()
    client_key: str | None = None  # RFC 7638 thumbprint of the key by which a system proved itself
    sid: str | None = None  # the sign-in of a person
    acr: str = ""
    cnf: dict[str, str] = Field(default_factory=dict)  # `jkt`: that of the key to which the token is bound (RFC 9449)
    act: dict[str, str] = Field(default_factory=dict)  # `sub`: the person who acts for the subject (RFC 8693, 4.1)
    authority: str | None = None  # what lets them act
    division_codes: tuple[str, ...] = ()  # where it lets them; without it the token is not limited
    limits: dict[str, int] = Field(default_factory=dict)  # how much it lets them


Statement = TypeVar("Statement", bound=BaseModel)


@dataclass(frozen=True)
class Caller:
    """The person, system or organisation that a verified token identifies, and the actor who acts for it, if any."""

    subject: str
    kind: str
    client_id: str
    scopes: frozenset[str]
    assurance_level: int
    memberships: tuple[Membership, ...]
    client_key: str | None = None
    acr: str = ""
    bound_to: str | None = None
    sid: str | None = None
    actor: str | None = None
    authority: str | None = None
    division_codes: tuple[str, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)

    @property
    def id(self) -> UUID:
        return UUID(self.subject)

    def memberships_as(self, *roles: str) -> list[Membership]:
        return [membership for membership in self.memberships if membership.role in roles]


Admission = Callable[[Database, Caller], Awaitable[Caller]] | None  # refuses, or leaves what still stands


class TokenVerifier:
    """Verifies access tokens against the issuer's published keys and caches the result.

    The cache is bounded and keyed by the token's hash; an entry never outlives `exp`, and new keys clear all.
    """

    def __init__(self, jwks_url: str, issuer: str) -> None:
        self._issuer = issuer
        self._verified: OrderedDict[bytes, tuple[int, Caller]] = OrderedDict()
        self._keys = SigningKeys(jwks_url, on_change=self._verified.clear)

    async def verify(self, token: str) -> Caller:
        """Verify an access token and return its caller.

        Raises:
            TokenExpired, TokenInvalid: the token is refused.
            TryLater: the issuer's keys are unavailable.
        """
        await self._keys.current()
        fingerprint = hashlib.sha256(token.encode()).digest()
        if known := self._verified.get(fingerprint):
            if time.time() < known[0] + _CLOCK_LEEWAY:
                return known[1]
            del self._verified[fingerprint]
            raise TokenExpired
        # "at+jwt" keeps ID tokens and other JWTs of the same issuer from passing as access tokens (RFC 9068).
        claims = await self.verify_statement(token, Claims, typ="at+jwt", audience=AUDIENCE)
        said = claims.model_dump(include=_SAID) | {"memberships": claims.memberships, "actor": claims.act.get("sub")}
        bound_to = claims.cnf.get("jkt", "" if claims.cnf else None)  # "": no key fits
        caller = Caller(claims.sub, scopes=frozenset(claims.scope.split()), bound_to=bound_to, **said)
        self._verified[fingerprint] = (claims.exp, caller)
        if len(self._verified) > _CACHE_SIZE:
            self._verified.popitem(last=False)
        return caller

    async def verify_statement(self, token: str, claims: type[Statement], *, typ: str, audience: str) -> Statement:
        """Verify another kind of JWT from the issuer as `verify` does, but cache nothing: one may be good once."""
        if len(token) > _MAX_TOKEN_LENGTH:
            raise TokenInvalid
        return self._checked(await self._decode(token), claims, typ, audience)

    async def _decode(self, token: str) -> jwt.Token:
        tried = None
        for keys_of in (self._keys.current, self._keys.fetch):  # the key may be new
            if (keys := await keys_of()) is tried:
                break  # a wrong signature stays wrong
            with contextlib.suppress(*_NO_PROOF):
                return jwt.decode(token, keys, algorithms=["ES256"])
            tried = keys
        raise TokenInvalid

    def _checked(self, token: jwt.Token, claims: type[Statement], typ: str, audience: str) -> Statement:
        if token.header.get("typ") != typ:
            raise TokenInvalid
        needed: Any = {"essential": True}
        iss, aud = needed | {"value": self._issuer}, needed | {"value": audience}
        registry = jwt.JWTClaimsRegistry(leeway=_CLOCK_LEEWAY, iss=iss, aud=aud, exp=needed, sub=needed)
        try:
            registry.validate(token.claims)
            return claims.model_validate(token.claims)
        except ExpiredTokenError:
            raise TokenExpired from None
        except (JoseError, ValidationError):
            raise TokenInvalid from None


class Rule:
    """Who may call an endpoint: a text for the contract, and a dependency that returns the caller or refuses."""

    who_may_call: str


class TokenRule(Rule, SecurityBase):
    """Requires an access token with these properties."""

    def __init__(self, *, kind: str, scope: str, assurance_level: int = 0, roles: tuple[str, ...] = ()) -> None:
        self.model = HTTPBearerModel(bearerFormat="JWT", description=_TOKENS)
        self.scheme_name = "access_token"
        self._kind, self._scope, self._roles, self._assurance_level = kind, scope, roles, assurance_level
        self.who_may_call = self.in_words("en")

    def in_words(self, language: str) -> str:
        say = words("who_may_call", "chassis", language)
        who = say[self._kind]
        if self._assurance_level:
            who = say["at_level"].format(who=who, level=self._assurance_level)
        if self._roles:
            who = say["as_role"].format(who=who, roles=say["or"].join(self._roles))
        return say["with_scope"].format(who=who, scope=self._scope)

    async def __call__(self, request: Request) -> Caller:
        request.state.access = {"rule": self.who_may_call}
        verifier: TokenVerifier = request.app.state.token_verifier
        scheme, token = presented_token(request)
        caller = await verifier.verify(token)
        if scheme != "bearer" or caller.bound_to is not None:
            await request.app.state.possession(request, scheme, token, caller)
        request.state.access |= {"subject": caller.subject, "client_id": caller.client_id, "actor": caller.actor}
        if admit := request.app.state.admission:
            caller = await admit(request.app.state.database, caller)
        if self._scope not in caller.scopes:
            raise NotAllowed(self.in_words, self._scope, "Bearer" if caller.bound_to is None else "DPoP")
        if self._roles and caller.kind == self._kind and caller.acr not in TWO_FACTORS:
            raise SecondFactorNeeded
        if caller.kind != self._kind or (self._roles and not caller.memberships_as(*self._roles)):
            raise NotAllowed(self.in_words)
        if caller.assurance_level < self._assurance_level:
            raise AssuranceTooLow(required=self._assurance_level)
        return caller


class OpenRule(Rule):
    """No access token is required; the contract states the reason, or the proof required instead."""

    def __init__(self, who_may_call: str) -> None:
        self.who_may_call = who_may_call

    async def __call__(self, request: Request) -> None:
        request.state.access = {"rule": self.who_may_call}


def allow(
    *, scope: str, persons: bool = False, assurance_level: int | None = None, role: str | tuple[str, ...] = ()
) -> TokenRule:
    """Require a token with a scope: of a client, or of a person (at an assurance level; with a role, 2 by default)."""
    roles = (role,) if isinstance(role, str) else role
    level = (2 if roles else 0) if assurance_level is None else assurance_level
    kind = "person" if persons or roles or level else "client"
    return TokenRule(kind=kind, scope=scope, assurance_level=level, roles=roles)


def anyone(*, because: str) -> OpenRule:
    """Allow every caller; `because` is the reason why the endpoint is public."""
    return OpenRule(f"anyone: {because}")


def verified_otherwise(*, by: str) -> OpenRule:
    """Allow callers that the endpoint authenticates by other means than a token, such as a signature."""
    return OpenRule(f"verified by {by}")


def rules_by_route(app: FastAPI) -> Iterator[tuple[str, str, list[Rule]]]:
    """Yield (method, path, rules) of every endpoint; each must declare exactly one rule."""
    for route in iter_route_contexts(app.routes):
        dependant = getattr(route, "dependant", None)
        rules = [] if dependant is None else [part.call for part in _flat(dependant) if isinstance(part.call, Rule)]
        methods = route.methods or set()
        # HEAD next to another method is implied by it; HEAD alone is an endpoint.
        for method in sorted(methods - {"HEAD"} or methods):
            yield method, route.path_format or "", rules


def _flat(dependant: Any) -> Iterator[Any]:  # noqa: ANN401 - FastAPI's Dependant is not public
    yield dependant
    for inner in dependant.dependencies:
        yield from _flat(inner)
