"""`python -m svc_identity.oauth.resource_servers CLIENT_ID JWKS_FILE`: who may introspect the tokens of others."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from chassis.db import Database
from chassis.inbox import Poison
from chassis.settings import load
from svc_identity.oauth.access_tokens import INTROSPECTION_SCOPE
from svc_identity.oauth.apps import check_client_id
from svc_identity.oauth.key_sets import signing_keys
from svc_identity.oauth.models import Client
from svc_identity.oauth.service import register_client
from svc_identity.settings import Settings


async def register_resource_server(database: Database, client_id: str, jwks: dict[str, Any]) -> str:
    """Register a server with its public keys, or give a known one other keys; returns what was done.

    Raises:
        ValueError: the name or the keys cannot be used.
    """
    check_client_id(client_id)
    try:
        keys = signing_keys(jwks)
    except Poison as error:
        raise ValueError(f"{error}") from None
    async with database.transaction() as tx:
        known = await tx.get(Client, client_id)
        if known and known.scopes != [INTROSPECTION_SCOPE]:
            raise ValueError(f"{client_id} is a client of another kind")
        await register_client(tx, client_id, scopes=[INTROSPECTION_SCOPE], jwks=keys)
    return f"{client_id} may introspect tokens with {len(keys['keys'])} keys."


async def _register(settings: Settings, client_id: str, jwks: dict[str, Any]) -> str:
    database = Database.of(settings)
    try:
        return await register_resource_server(database, client_id, jwks)
    finally:
        await database.close()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m svc_identity.oauth.resource_servers", description="Let a server introspect the tokens it gets."
    )
    parser.add_argument("client_id", help="3 to 40 of a-z, 0-9 and -, a letter first")
    parser.add_argument("jwks", type=Path, help="a file with the public keys with which it proves itself (RFC 7517)")
    given = parser.parse_args(arguments)
    try:
        jwks = json.loads(given.jwks.read_text("utf-8"))
        sentence = asyncio.run(_register(load(Settings), given.client_id, jwks))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"Nothing is registered: {error}.\n")
        return 2
    sys.stdout.write(f"{sentence}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
