"""`python -m deploy.evidence.tokens FOLDER < token`: check a token of some time ago against the keys in a pack.

It needs the pack and nothing of the platform. Exit codes: 0 a key of the platform signed it, while that key signed;
1 not so; 2 there is no pack.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

KEYS = "figures/identity/signing_keys.json"
LEEWAY = timedelta(minutes=1)
"""A process notes its key every 20 seconds."""
USAGE = "usage: python -m deploy.evidence.tokens FOLDER < token\n"


def main(arguments: Sequence[str]) -> int:
    folder = Path(arguments[0]) if len(arguments) == 1 else None
    if folder is None or not (folder / KEYS).is_file():
        sys.stderr.write(USAGE)
        return 2
    terms = json.loads((folder / KEYS).read_text("utf-8"))["rows"]
    right, sentence = check(sys.stdin.read().strip(), terms)
    sys.stdout.write(f"{sentence}\n")
    return 0 if right else 1


def check(token: str, terms: Sequence[Mapping[str, Any]]) -> tuple[bool, str]:
    """Whether a key of the terms signed the token at the time that it states, and a sentence that says so."""
    try:
        kid = jws.extract_compact(token.encode()).headers().get("kid")
        of_kid = [term for term in terms if term["kid"] == kid]
        if not of_kid:
            return False, "No key of the platform has the kid of this token."
        key = ECKey.import_key(json.loads(of_kid[0]["jwk"]))
        claims = json.loads(jws.deserialize_compact(token, key, algorithms=["ES256"]).payload)
        issued = datetime.fromtimestamp(claims["iat"], UTC)
    except (JoseError, ValueError, KeyError, TypeError, OverflowError):
        return False, "This is no token that the key signed."
    if any(began - LEEWAY <= issued <= until + LEEWAY for began, until in _times(of_kid)):
        return True, f"Signed by the key {kid} at {issued:%Y-%m-%d %H:%M:%S} UTC, while it was the platform's."
    return False, f"Signed by the key {kid}, which did not sign at {issued:%Y-%m-%d %H:%M:%S} UTC: it is forged."


def _times(terms: Sequence[Mapping[str, Any]]) -> Iterator[tuple[datetime, datetime]]:
    for term in terms:
        yield datetime.fromisoformat(term["began_at"]), datetime.fromisoformat(term["seen_at"])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
