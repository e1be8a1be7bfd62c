"""Proofs of possession at the authorization server (RFC 9449, section 5): who proves a key gets tokens bound to it."""

import re

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from fastapi import Request

from chassis.db import Database
from kit.dpop import replays
from kit.dpop.nonces import Nonces
from kit.dpop.proofs import NonceWantedError, ProofError, check
from svc_identity.oauth.models import Client
from svc_identity.oauth.requests import Parsed

_PROOF_OF_CLIENT = {"client_assertion", "client_assertion_type"}
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")


class ProofRefusedError(OAuth2Error):  # type: ignore[misc]  # Authlib ships no types
    error = "invalid_dpop_proof"


class NonceNeededError(OAuth2Error):  # type: ignore[misc]  # Authlib ships no types
    error = "use_dpop_nonce"
    description = "sign the proof again, with the nonce of the header DPoP-Nonce"


class PossessionRequired:
    """A grant whose client may have to prove a key."""

    request: Parsed

    def authenticate_token_endpoint_client(self) -> Client:
        client: Client = super().authenticate_token_endpoint_client()  # type: ignore[misc]  # Authlib's grants have it
        if client.dpop_required and self.request.proof_key is None:
            raise ProofRefusedError("this client gets bound tokens only: send a proof in the header DPoP")
        return client


def is_thumbprint(value: str) -> bool:
    return _THUMBPRINT.fullmatch(value) is not None


async def prove(request: Request, transactions: Database, parsed: Parsed) -> OAuth2Error | None:
    """Note the key that a request proves, if it proves any; returns why its proof is refused."""
    proof = request.headers.get("dpop")
    if proof is None:
        return None
    nonces: Nonces = request.app.state.nonces
    try:
        proved = check(proof, request.method, parsed.uri, nonces=nonces)
    except NonceWantedError:
        return NonceNeededError()
    except ProofError as error:
        return ProofRefusedError(f"the proof is refused: {error}")
    async with transactions.transaction() as tx:
        is_first = await replays.claim(tx, proved)
    if not is_first:
        return ProofRefusedError("the proof was used before")
    parsed.proof_key = proved.key
    return None


def bind_request(parsed: Parsed) -> list[tuple[str, str]]:
    """A pushed request with the key that its app proves, if it proves any.

    Raises:
        InvalidRequestError: it states another key.
    """
    stated = parsed.form.get("dpop_jkt")
    if parsed.proof_key and stated not in (None, parsed.proof_key):
        raise InvalidRequestError("dpop_jkt is not the key of the proof")
    bound = {"dpop_jkt": parsed.proof_key} if parsed.proof_key else {}
    request = {name: value for name, value in parsed.form.items() if name not in _PROOF_OF_CLIENT}
    return [*(request | bound).items()]
