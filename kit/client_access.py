"""Access tokens of systems whose access ended before the token: a suspended client, or a key that is no longer good.

A token names the key by which its client proved itself, so ending one key leaves the tokens of the others alone.
"""

from collections.abc import Collection
from uuid import UUID

from chassis.auth import Caller
from chassis.problems import Problem
from chassis.tokens import Unauthenticated
from kit.security_log import CLIENT_REFUSED


class ClientSuspended(Problem):
    status, code, security = 403, "client_suspended", CLIENT_REFUSED


class ClientKeyEnded(Unauthenticated):
    code, security = "client_key_ended", CLIENT_REFUSED
    reason = 'Bearer realm="myili", error="invalid_token", error_description="the client\'s key has been ended"'


def provider_of(caller: Caller) -> UUID | None:
    """The id of the provider whose system calls; other systems have names that are no ids."""
    try:
        return caller.id
    except ValueError:
        return None


def require_client_access(caller: Caller, *, suspended: bool, ended_keys: Collection[str]) -> None:
    """Refuse a client that is suspended, or that proved itself by a key ended since.

    Args:
        caller: the client.
        suspended: whether it is suspended.
        ended_keys: the RFC 7638 thumbprints of its ended keys.

    Raises:
        ClientSuspended, ClientKeyEnded
    """
    if suspended:
        raise ClientSuspended
    # A token that names no key may be of any of them.
    if ended_keys and (caller.client_key is None or caller.client_key in ended_keys):
        raise ClientKeyEnded
