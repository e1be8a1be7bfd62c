"""A provider that is approved gets an OAuth client: its id, and the keys it applied with."""

from typing import Any
from uuid import UUID

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import EventData, Handler, Poison, Received
from svc_identity.oauth.issuer import PROVIDER_SCOPES
from svc_identity.oauth.service import register_client

_SMALLEST_RSA = 2048


class ProviderApproved(EventData):
    provider_id: UUID
    jwks: dict[str, Any]


async def register_provider(tx: AsyncSession, event: Received[ProviderApproved]) -> None:
    client_id = str(event.data.provider_id)
    await register_client(tx, client_id, scopes=PROVIDER_SCOPES, jwks=signing_keys(event.data.jwks))


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
    if not usable:
        raise Poison("jwks holds no EC P-256 key and no RSA key of 2048 bits")
    return dict(KeySet(usable).as_dict(private=False))


def _can_sign(key: object) -> bool:
    # No symmetric keys: anyone who can read one can sign with it.
    if isinstance(key, ECKey):
        return key.curve_name == "P-256"
    return isinstance(key, RSAKey) and key.public_key.key_size >= _SMALLEST_RSA


HANDLERS = [Handler("cn.ili.services.provider.approved.v1", ProviderApproved, register_provider)]
