"""verify_token: access tokens that a service verifies per second once it has seen them; baseline: with nothing cached.

Ours: `TokenVerifier.verify`, as each request of each service calls it, for a thousand tokens in turn that it knows.
Baseline: joserfc verifies signature and claims of the same tokens. Both in one process, rounds alternate; the medians
are kept.
"""

import contextlib
import time
from collections.abc import Sequence
from statistics import median

import uvloop
from joserfc import jwt
from joserfc.jwk import KeySet

from chassis.auth import TokenVerifier
from chassis.settings import AUDIENCE
from chassis.testing import PUBLIC_URL, Tokens
from tests.bench.report import report

ROUNDS = 3
TOKENS = 1_000
PASSES = 100
GOAL = "at least 50,000/s"
_ISSUER = f"{PUBLIC_URL}/identity"


async def cached(verifier: TokenVerifier, tokens: Sequence[str]) -> float:
    """Verifications per second."""
    started = time.perf_counter()
    for _ in range(PASSES):
        for token in tokens:
            await verifier.verify(token)
    return PASSES * len(tokens) / (time.perf_counter() - started)


def bare(keys: KeySet, tokens: Sequence[str]) -> float:
    claims = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": _ISSUER}, aud={"essential": True, "value": AUDIENCE}, exp={"essential": True}
    )
    started = time.perf_counter()
    for token in tokens:
        claims.validate(jwt.decode(token, keys, algorithms=["ES256"]).claims)
    return len(tokens) / (time.perf_counter() - started)


async def measure(issuer: Tokens) -> tuple[list[float], list[float]]:
    """Rates with and without the cache, one per round."""
    verifier = TokenVerifier(issuer.jwks_url, _ISSUER)
    tokens = [issuer.sign() for _ in range(TOKENS)]
    keys = KeySet([issuer.key])
    await cached(verifier, tokens)
    ours, plain = [], []
    for number in range(1, ROUNDS + 1):
        plain.append(bare(keys, tokens))
        ours.append(await cached(verifier, tokens))
        print(f"  round {number}: known tokens {ours[-1]:,.0f}/s, signatures verified {plain[-1]:,.0f}/s")
    return ours, plain


def main() -> None:
    with contextlib.closing(Tokens()) as issuer:
        ours, plain = uvloop.run(measure(issuer))
    detail = {"goal": GOAL, "tokens": TOKENS, "verifications": TOKENS * PASSES, "rounds": ROUNDS}
    report("verify_token", median(ours), median(plain), "tokens/s", detail)


if __name__ == "__main__":
    main()
