"""A provider that is approved gets an OAuth client: its id, and the keys it applied with.

Its client follows its connection: suspended or not, and the keys in force.
"""

from typing import Any
from uuid import UUID

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from pydantic import AwareDatetime
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Poison, Received
from kit.key_terms import has_sound_terms
from svc_identity.oauth.issuer import PROVIDER_SCOPES
from svc_identity.oauth.service import Standing, register_client

_SMALLEST_RSA = 2048


class ProviderApproved(EventData):
    provider_id: UUID
    jwks: dict[str, Any]


class ProviderChanged(EventData):
    """The connection of a provider after a change."""

    provider_id: UUID
    revision: int
    jwks: dict[str, Any]
    suspended_at: AwareDatetime | None
    jwks_uri: str | None = None


async def register_provider(tx: AsyncSession, event: Received[ProviderApproved]) -> None:
    client_id = str(event.data.provider_id)
    await register_client(tx, client_id, scopes=PROVIDER_SCOPES, jwks=signing_keys(event.data.jwks))


async def follow_provider(tx: AsyncSession, event: Received[ProviderChanged]) -> None:
    """Keep the client as its provider's connection is; events may come in any order, also before the approval."""
    changed = event.data
    await register_client(
        tx,
        str(changed.provider_id),
        scopes=PROVIDER_SCOPES,
        jwks=signing_keys(changed.jwks),
        standing=Standing(changed.revision, changed.suspended_at is not None, changed.jwks_uri is not None),
    )


def signing_keys(jwks: dict[str, Any]) -> dict[str, Any]:
    """The public keys of a JWKS that can sign assertions.

    Raises:
        Poison: there is none.
    """
    try:
        keys = KeySet.import_key_set(jwks)  # type: ignore[arg-type]  # JSON, whose shape this call checks
    except (JoseError, ValueError, KeyError, TypeError):
        raise Poison("jwks is not a set of keys") from None
    usable = [key for key in keys if _can_sign(key)]
    if not all(has_sound_terms(key) for key in jwks["keys"]):
        raise Poison("jwks holds a key whose nbf or exp is no time")
    if not usable:
        raise Poison("jwks holds no EC P-256 key, no Ed25519 key and no RSA key of 2048 bits")
    return dict(KeySet(usable).as_dict(private=False))


def _can_sign(key: object) -> bool:
    # No symmetric keys: anyone who can read one can sign with it.
    if isinstance(key, ECKey):
        return key.curve_name == "P-256"
    if isinstance(key, OKPKey):
        return key.curve_name == "Ed25519"
    return isinstance(key, RSAKey) and key.public_key.key_size >= _SMALLEST_RSA


HANDLERS: list[AnyHandler] = [
    Handler("cn.ili.services.provider.approved.v1", ProviderApproved, register_provider),
    *(
        Handler(f"cn.ili.services.provider.{change}.v1", ProviderChanged, follow_provider)
        for change in ("suspended", "resumed", "updated")
    ),
]
