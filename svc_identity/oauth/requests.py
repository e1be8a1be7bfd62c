"""Requests of OAuth endpoints as Authlib's grants read them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl
from uuid import UUID

from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from fastapi import Request

from chassis.problems import BadRequest, UnsupportedMediaType
from svc_identity.oauth.contexts import BY_SMS

FORM = "application/x-www-form-urlencoded"
_MOST_PARAMETERS = 40
_LONGEST = 4_096

Parameters = Sequence[tuple[str, str]]


class Payload(BasicOAuth2Payload):  # type: ignore[misc]  # Authlib ships no types
    def __init__(self, parameters: Parameters) -> None:
        super().__init__(dict(parameters))
        self._datalist = defaultdict(list)
        for name, value in parameters:
            self._datalist[name].append(value)


class Allowed(NamedTuple):
    """What a person has allowed to a client by a request."""

    person_id: UUID
    client_id: str
    scopes: list[str]


class Parsed(OAuth2Request):  # type: ignore[misc]  # Authlib ships no types
    """A parsed request. Its address is the public one: the gateway ends TLS, and Authlib insists on it."""

    def __init__(self, method: str, uri: str, parameters: Parameters, authorization: str = "") -> None:
        super().__init__(method, uri)
        self.payload = Payload(parameters)
        self.device: str | None = None
        """In which somebody signs in."""
        self.amr: Sequence[str] = BY_SMS
        self.factor_id: UUID | None = None
        self.sid: str | None = None
        """The sign-in to which the tokens of the answer belong."""
        self.address = ""
        """The network address of the client."""
        self.allowed: Allowed | None = None
        self.proof_key: str | None = None
        """The thumbprint of the key that its proof shows (RFC 9449)."""
        self.pushed = False
        """Whether it came, or comes now, by the push endpoint (RFC 9126)."""
        self.has_basic = authorization.partition(" ")[0].lower() == "basic"
        """Whether the client tries to prove itself with a password in the header."""

    @property
    def form(self) -> Mapping[str, str]:
        data: Mapping[str, str] = self.payload.data
        return data

    @property
    def repeated(self) -> bool:
        return any(len(values) > 1 for values in self.payload.datalist.values())


def parse(encoded: str) -> Parameters:
    """The parameters of a query or a form.

    Raises:
        BadRequest: they are not text, too many, or too long.
    """
    try:
        parameters = parse_qsl(encoded, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise BadRequest from None
    # PostgreSQL cannot store NUL, so no parameter may hold one.
    if any(len(value) > _LONGEST or "\0" in value for _name, value in parameters):
        raise BadRequest
    return parameters


async def parse_form(request: Request) -> Parameters:
    """The parameters of a form.

    Raises:
        UnsupportedMediaType, BadRequest
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise UnsupportedMediaType(expected=FORM)
    try:
        return parse((await request.body()).decode())
    except UnicodeDecodeError:
        raise BadRequest from None
