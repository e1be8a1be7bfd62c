"""Access tokens at a service: a bound one comes with a proof of its key, any other one as `Bearer`."""

from typing import ClassVar

from fastapi import FastAPI, Request

from chassis.auth import Caller
from chassis.telemetry import SecurityEvent
from chassis.tokens import Unauthenticated
from kit.dpop import replays
from kit.dpop.nonces import Nonces
from kit.dpop.proofs import ALGORITHMS, NonceWantedError, Proof, ProofError, check

_CHALLENGE = f'DPoP realm="myili", algs="{" ".join(ALGORITHMS)}"'
_REFUSED = SecurityEvent("proof_refused")


class ProofRefused(Unauthenticated):
    code, security = "proof_refused", _REFUSED
    reason: ClassVar[str] = f'{_CHALLENGE}, error="invalid_dpop_proof"'


class NonceWanted(Unauthenticated):
    """An ordinary step of a client, which the security log leaves out."""

    code = "proof_nonce_wanted"
    reason: ClassVar[str] = f'{_CHALLENGE}, error="use_dpop_nonce"'

    def __init__(self, nonce: str) -> None:
        super().__init__()
        self.headers = {**self.headers, "DPoP-Nonce": nonce, "Cache-Control": "no-store"}

    def record(self, **ids: object) -> None:
        """Nothing is recorded."""


class TokenWronglyPresented(Unauthenticated):
    """A bound token without its proof, or one that is bound to no key as if it were."""

    code, security = "token_wrongly_presented", _REFUSED
    reason: ClassVar[str] = f'{_CHALLENGE}, error="invalid_token"'


def prove_possession(app: FastAPI) -> None:
    """Let an application take bound tokens, each with its proof."""
    nonces = Nonces.of(app.state.settings)

    async def require(request: Request, scheme: str, token: str, caller: Caller) -> None:
        if scheme == "bearer" or caller.bound_to is None:
            raise TokenWronglyPresented
        address = f"{request.app.state.settings.public_url}{request.scope['raw_path'].decode('latin-1')}"
        try:
            proof = check(request.headers.get("dpop", ""), request.method, address, nonces=nonces, token=token)
        except ProofError:
            raise ProofRefused from None
        except NonceWantedError:
            raise NonceWanted(nonces.new()) from None
        if proof.key != caller.bound_to or not await _first_use(request, proof):
            raise ProofRefused

    app.state.nonces, app.state.possession = nonces, require


async def _first_use(request: Request, proof: Proof) -> bool:
    async with request.app.state.database.transaction() as tx:
        return await replays.claim(tx, proof)
