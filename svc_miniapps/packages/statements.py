"""What the platform states of a package that was approved, signed so that everybody can verify its bytes (0165)."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from joserfc import jws
from joserfc.jwk import KeySet

from chassis.db import now
from kit.signing_keys import ALGORITHM, SigningKey, published_at, read_signing_keys, signing_at
from svc_miniapps.settings import Settings

TYPE = "miniapp-package+jwt"
"""Keeps a statement of packages apart from any other thing that is signed."""
RETIRED_AFTER = timedelta(days=366)
"""How long a key is published after the next one signs: caches keep a download, with its header, for a year."""


@dataclass(frozen=True)
class Statement:
    app_id: UUID
    version_code: int
    sha256: str
    size_bytes: int
    approved_at: datetime

    def payload(self) -> bytes:
        """Its JSON, the same bytes whenever it is made."""
        members = {
            "app_id": str(self.app_id),
            "approved_at": f"{self.approved_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "version_code": self.version_code,
        }
        return json.dumps(members, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Signed:
    kid: str
    jws: str
    """In the compact serialization (RFC 7515)."""


class PackageSigner:
    def __init__(self, keys: list[SigningKey]) -> None:
        self._keys = keys

    @property
    def kid(self) -> str:
        """Of the key that signs now."""
        return str(signing_at(self._keys, now()).key.kid)

    def sign(self, statement: Statement) -> Signed:
        key = signing_at(self._keys, now()).key
        header = {"alg": ALGORITHM, "kid": key.kid, "typ": TYPE}
        return Signed(str(key.kid), jws.serialize_compact(header, statement.payload(), key, algorithms=[ALGORITHM]))

    def public_keys(self) -> dict[str, Any]:
        """Those by which others verify what was signed."""
        published = published_at(self._keys, now(), RETIRED_AFTER)
        return dict(KeySet([each.key for each in published]).as_dict(private=False))


@cache
def _signer_with(pem: str) -> PackageSigner:
    return PackageSigner(read_signing_keys(pem))


def signer_of(settings: Settings) -> PackageSigner:
    return _signer_with(settings.package_signing_key.get_secret_value())


async def _signer(request: Request) -> PackageSigner:
    settings: Settings = request.app.state.settings
    return signer_of(settings)


Signer = Annotated[PackageSigner, Depends(_signer)]
