"""Signed answers of a team's server."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import ECKey

from svc_miniapps.publishing.domains.models import ProofMethod
from svc_miniapps.publishing.domains.probe import PROOF_TYPE, Proof
from tests.svc_miniapps.stage import Json
from tests.svc_miniapps.team_servers import Answer

_KEY = ECKey.generate_key("P-256", {"kid": "k1"})
KEYS: Json = {"keys": [_KEY.as_dict(private=False)]}


class SignedProof(Proof):
    def answering(self, claims: Json) -> Callable[[str], Answer]:
        """What the server answers, with some claims as they must not be."""

        def answer(path: str) -> Answer:
            said = {"sub": str(self.app_id), "aud": self.host, "nonce": path.partition("challenge=")[2]} | claims
            signed = jwt.encode({"alg": "ES256", "typ": PROOF_TYPE, "kid": "k1"}, said, _KEY)
            return 200, {}, signed.encode()

        return answer


def signing(app_id: UUID | str, host: str, url: str) -> SignedProof:
    proof = SignedProof(UUID(str(app_id)), host, url, is_loopback=True, content="", method=ProofMethod.SIGNATURE)
    return replace(proof, jwks=KEYS)
