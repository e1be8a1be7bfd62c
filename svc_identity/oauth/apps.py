"""`python -m svc_identity.oauth.apps CLIENT_ID --redirect-uri URI …`: register an app of residents."""

import argparse
import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chassis.db import Database
from chassis.inbox import Poison
from chassis.settings import load
from svc_identity.oauth.issuer import RESIDENT_SCOPES
from svc_identity.oauth.key_sets import signing_keys
from svc_identity.oauth.models import Client
from svc_identity.oauth.service import register_client, set_logout_addresses
from svc_identity.oauth.subjects import SubjectType
from svc_identity.settings import Settings

_CLIENT_ID = re.compile(r"[a-z][a-z0-9-]{2,39}")
_LOOPBACK = {"127.0.0.1", "::1"}


def check_client_id(client_id: str) -> None:
    """A name for a client that an engineer registers.

    Raises:
        ValueError
    """
    if not _CLIENT_ID.fullmatch(client_id):
        raise ValueError("the client_id must have 3 to 40 of a-z, 0-9 and -, a letter first")


def check_return_address(address: str) -> str:
    """An address in an app: https, a scheme of its own, or http on loopback.

    Raises:
        ValueError
    """
    parts = urlsplit(address)
    is_plain = address.isascii() and address.isprintable() and " " not in address and not parts.fragment
    is_safe = parts.scheme not in {"", "http", "javascript", "data", "file"} or (
        parts.scheme == "http" and parts.hostname in _LOOPBACK and parts.port is None
    )
    if not is_plain or not is_safe or "#" in address or "@" in parts.netloc:
        raise ValueError(f"{address} is no address in an app")
    return address


def check_notice_address(address: str) -> str:
    """An https address without a fragment.

    Raises:
        ValueError
    """
    parts = urlsplit(check_return_address(address))
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError(f"{address} is not https")
    return address


async def register_app(database: Database, given: argparse.Namespace) -> str:
    """Register an app, or change a known one; returns what was done.

    Raises:
        ValueError: the name is none, or that of a system.
    """
    check_client_id(given.client_id)
    async with database.transaction() as tx:
        known = await tx.get(Client, given.client_id)
        if known and not known.is_app:
            raise ValueError(f"{given.client_id} is a client of another kind")
        if known and given.pairwise and known.subject_type != SubjectType.PAIRWISE:
            raise ValueError(f"{given.client_id} knows people by other names already")
        # Without the option known keys stay: an app that lost them would be public.
        keys = known.jwks if known else None
        if given.jwks:
            keys = await asyncio.to_thread(_read_keys, given.jwks)
        await register_client(tx, given.client_id, scopes=given.scope, redirect_uris=given.redirect_uri, jwks=keys)
        await set_logout_addresses(
            tx,
            given.client_id,
            redirect_uris=given.post_logout_redirect_uri,
            notified=given.backchannel_logout_uri,
        )
        client = await tx.get_one(Client, given.client_id)
        if given.dpop or known is None or given.jwks:
            client.dpop_required = bool(given.jwks) or given.dpop != "optional"
        client.device_grant = given.devices
        if given.pairwise:
            client.subject_type = SubjectType.PAIRWISE
    return f"{given.client_id} is registered."


def _read_keys(file: Path) -> dict[str, Any]:
    """The keys of a JWKS file that can sign.

    Raises:
        ValueError
    """
    try:
        return signing_keys(json.loads(file.read_text("utf-8")))
    except (OSError, Poison) as error:
        raise ValueError(f"{file.name}: {error}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m svc_identity.oauth.apps", description="Register an app.")
    parser.add_argument("client_id", help="3 to 40 of a-z, 0-9 and -, a letter first")
    parser.add_argument("--scope", action="append", choices=RESIDENT_SCOPES, required=True)
    parser.add_argument("--redirect-uri", action="append", type=check_return_address, required=True)
    parser.add_argument("--post-logout-redirect-uri", action="append", type=check_return_address, default=[])
    parser.add_argument(
        "--dpop", choices=["required", "optional"], help="a new app proves a key of its own, unless told"
    )
    parser.add_argument("--devices", action="store_true", help="it signs people in on screens (RFC 8628)")
    parser.add_argument(
        "--jwks", type=Path, help="the public keys of an app with a server (RFC 7517), which signs by them"
    )
    parser.add_argument("--pairwise", action="store_true", help="a new app gets a name of its own for each person")
    parser.add_argument("--backchannel-logout-uri", type=check_notice_address, help="gets a notice when a sign-in ends")
    return parser


async def _register(settings: Settings, given: argparse.Namespace) -> str:
    database = Database.of(settings)
    try:
        return await register_app(database, given)
    finally:
        await database.close()


def main(arguments: list[str]) -> int:
    given = _parser().parse_args(arguments)
    try:
        sentence = asyncio.run(_register(load(Settings), given))
    except ValueError as error:
        sys.stderr.write(f"Nothing is registered: {error}.\n")
        return 2
    sys.stdout.write(f"{sentence}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
