"""`python -m svc_identity.oauth.apps CLIENT_ID --redirect-uri URI …`: register an app of residents."""

import argparse
import asyncio
import re
import sys
from urllib.parse import urlsplit

from chassis.db import Database
from chassis.settings import load
from svc_identity.oauth.issuer import RESIDENT_SCOPES
from svc_identity.oauth.models import Client
from svc_identity.oauth.service import register_client, set_logout_addresses
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
        if known and known.jwks is not None:
            raise ValueError(f"{given.client_id} is a client of another kind")
        await register_client(tx, given.client_id, scopes=given.scope, redirect_uris=given.redirect_uri)
        await set_logout_addresses(
            tx,
            given.client_id,
            redirect_uris=given.post_logout_redirect_uri,
            notified=given.backchannel_logout_uri,
        )
        if given.dpop or known is None:
            (await tx.get_one(Client, given.client_id)).dpop_required = given.dpop != "optional"
        (await tx.get_one(Client, given.client_id)).device_grant = given.devices
    return f"{given.client_id} is registered."


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
