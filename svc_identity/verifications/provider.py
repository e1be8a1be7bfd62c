"""The two outside systems that know a person by more than papers: the face verifier and the network identity service.

Neither sends an image, and none passes through here: the verifier's SDK in the app, or the national app, takes it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, Protocol
from uuid import UUID

import httpx
from fastapi import Depends, Request
from pydantic import BaseModel, Field

from chassis.problems import Problem, TryLater
from svc_identity.http_client import ask_registry
from svc_identity.settings import Settings
from svc_identity.verifications.models import Method

PrintableId = Annotated[str, Field(pattern=r"^[!-~]{1,500}$")]


class VerifierUnavailable(TryLater):
    """No usable answer from the outside system; nothing was decided."""

    code = "verifier_unavailable"


class MethodNotOffered(Problem):
    """This deployment has no such outside system."""

    status, code = 409, "method_not_offered"


class FaceOutcome(StrEnum):
    PENDING = "pending"
    PASSED = "passed"
    OTHER_PERSON = "other_person"
    NOT_ALIVE = "not_alive"
    DECLINED = "declined"
    EXPIRED = "expired"


class Subject(BaseModel):
    """Whose face or certificate it must be. `repr` shows nothing, so that no log can."""

    name: str
    id_number: str

    def __repr__(self) -> str:
        return "Subject(…)"

    __str__ = __repr__


class FaceSession(BaseModel):
    session_id: PrintableId
    sdk_token: PrintableId


class FaceResult(BaseModel):
    """What the verifier answers about a session, with what it was asked."""

    order_id: UUID
    result: FaceOutcome
    name: str
    id_number: str


class NetworkSession(BaseModel):
    session_id: PrintableId
    address: Annotated[str, Field(pattern=r"^https?://[!-~]{1,2000}$")]


class NetworkResult(BaseModel):
    """What a code gives: the number by which the service knows the person at this platform, and no other data."""

    order_id: UUID | None = None
    result: Literal["passed", "refused"]
    network_number: PrintableId | None = None


class _Comparison(BaseModel):
    matches: bool


class FaceVerifier(Protocol):
    async def begin(self, order_id: UUID, subject: Subject) -> FaceSession: ...

    async def result(self, session_id: str) -> FaceResult: ...


class NetworkIdentity(Protocol):
    async def begin(self, order_id: UUID, redirect_uri: str, state: str) -> NetworkSession: ...

    async def redeem(self, session_id: str, code: str) -> NetworkResult:
        """Exchange the code with which a person came back; it is good once and in its session."""

    async def is_of(self, session_id: str, subject: Subject) -> bool:
        """Whether the person of a redeemed session has this name and ID number."""


@dataclass(frozen=True)
class HttpFaceVerifier:
    client: httpx.AsyncClient
    url: str

    async def begin(self, order_id: UUID, subject: Subject) -> FaceSession:
        question = {"order_id": str(order_id), **subject.model_dump()}
        return await ask_registry(self.client, f"{self.url}/sessions", question, FaceSession, VerifierUnavailable)

    async def result(self, session_id: str) -> FaceResult:
        question = {"session_id": session_id}
        return await ask_registry(self.client, f"{self.url}/results", question, FaceResult, VerifierUnavailable)


@dataclass(frozen=True)
class HttpNetworkIdentity:
    client: httpx.AsyncClient
    url: str

    async def begin(self, order_id: UUID, redirect_uri: str, state: str) -> NetworkSession:
        question = {"order_id": str(order_id), "redirect_uri": redirect_uri, "state": state}
        return await ask_registry(self.client, f"{self.url}/sessions", question, NetworkSession, VerifierUnavailable)

    async def redeem(self, session_id: str, code: str) -> NetworkResult:
        question = {"session_id": session_id, "code": code}
        return await ask_registry(self.client, f"{self.url}/results", question, NetworkResult, VerifierUnavailable)

    async def is_of(self, session_id: str, subject: Subject) -> bool:
        question = {"session_id": session_id, **subject.model_dump()}
        url = f"{self.url}/comparisons"
        return (await ask_registry(self.client, url, question, _Comparison, VerifierUnavailable)).matches


@dataclass(frozen=True)
class Verifiers:
    """The outside systems that this deployment has."""

    face: FaceVerifier | None
    network: NetworkIdentity | None

    def require(self, method: Method) -> None:
        """Refuse a method that is not offered.

        Raises:
            MethodNotOffered
        """
        if (self.face if method == Method.FACE else self.network) is None:
            raise MethodNotOffered(method=method)


async def _verifiers(request: Request) -> Verifiers:
    settings: Settings = request.app.state.settings
    client = request.app.state.outside
    face = HttpFaceVerifier(client, settings.faces_url) if settings.faces_url else None
    network = HttpNetworkIdentity(client, settings.network_identity_url) if settings.network_identity_url else None
    return Verifiers(face, network)


TheVerifiers = Annotated[Verifiers, Depends(_verifiers)]
