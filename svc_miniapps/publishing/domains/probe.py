"""Looks for the proof of a server: one request, to the address that was checked, never redirected."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chassis.http_client import NoAnswer, NotReached, Reply, call
from kit.public_addresses import AddressRefused, AddressUnknown, Resolve, Target, pinned, resolve
from svc_miniapps.publishing.domains.models import Failure, ProofMethod

SECONDS = 5.0
"""For the whole of an answer."""
PROOF_TYPE = "myili-domain+jwt"
"""`typ` of a signed answer: no other statement of the app's server passes for one."""
_ALGORITHMS = ("ES256", "PS256", "Ed25519", "EdDSA")
_LOOPBACK = "127.0.0.1"
_FAILURES: Mapping[type[Exception], Failure] = {
    AddressUnknown: Failure.NAME_UNKNOWN,  # an AddressRefused too
    AddressRefused: Failure.ADDRESS_NOT_PUBLIC,
    NotReached: Failure.NOT_REACHED,
    NoAnswer: Failure.NO_ANSWER,
}


@dataclass(frozen=True)
class Proof:
    """What is looked for, and where."""

    app_id: UUID
    host: str
    url: str
    is_loopback: bool
    content: str
    method: ProofMethod
    jwks: dict[str, Any] | None = None
    """The keys of the app's client, for a signed answer."""


@dataclass(frozen=True)
class Prober:
    """Makes the calls."""

    client: httpx.AsyncClient
    with_loopback: bool
    """Whether `.localhost` names are called on this machine: in an embedded run alone."""
    resolve: Resolve = resolve

    async def probe(self, proof: Proof) -> Failure | None:
        """What is wrong with the proof; None if it is there."""
        if proof.method == ProofMethod.SIGNATURE and not (proof.jwks and proof.jwks["keys"]):
            return Failure.NO_KEYS
        challenge = secrets.token_urlsafe(24)
        try:
            reply = await self._fetch(proof, challenge)
        except (AddressRefused, NotReached, NoAnswer, httpx.InvalidURL) as error:
            return next((found for kind, found in _FAILURES.items() if isinstance(error, kind)), Failure.NOT_REACHED)
        if reply.status != httpx.codes.OK:
            return Failure.REFUSED
        if proof.method == ProofMethod.SIGNATURE:
            return None if _is_signed(proof, reply.body, challenge) else Failure.SIGNATURE_WRONG
        return None if reply.body.strip() == proof.content.encode() else Failure.OTHER_CONTENT

    async def _fetch(self, proof: Proof, challenge: str) -> Reply:
        url = httpx.URL(proof.url)
        if proof.method == ProofMethod.SIGNATURE:
            url = url.copy_merge_params({"challenge": challenge})
        target = self._on_this_machine(url) if proof.is_loopback else await pinned(url, self.resolve)
        request = self.client.build_request(
            "GET", target.url, headers=dict(target.headers), extensions=dict(target.extensions)
        )
        return await call(self.client, request, seconds=SECONDS)

    def _on_this_machine(self, url: httpx.URL) -> Target:
        if not self.with_loopback:
            raise AddressRefused
        return Target(url.copy_with(host=_LOOPBACK), {"Host": url.netloc.decode("ascii")})


def _is_signed(proof: Proof, body: bytes, challenge: str) -> bool:
    """Whether the answer is a JWT of one of the app's keys about this challenge, app and host."""
    try:
        keys = KeySet.import_key_set(proof.jwks)  # type: ignore[arg-type]  # JSON, checked when it was accepted
        signed = jwt.decode(body.strip().decode("ascii"), keys, algorithms=list(_ALGORITHMS))
    except (JoseError, ValueError, TypeError):  # the last two: headers that are JSON and no JOSE, or no ASCII
        return False
    said = {name: signed.claims.get(name) for name in ("sub", "aud", "nonce")}
    expected = {"sub": str(proof.app_id), "aud": proof.host, "nonce": challenge}
    return signed.header.get("typ") == PROOF_TYPE and said == expected
