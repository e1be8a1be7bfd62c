"""Fetches the key set that a company publishes: one bounded call to a public address."""

import json
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

import httpx

from chassis.http_client import TLS, NoAnswer, NotReached, Reply, call, outside_client
from chassis.problems import Problem
from chassis.telemetry import log
from kit.endpoint_urls import Endpoints
from kit.json_members import members
from kit.key_sets import public_key_set

Keys = list[dict[str, Any]]


@dataclass(frozen=True)
class HttpKeySource:
    endpoints: Endpoints
    seconds: float = 5.0
    tls: SSLContext = TLS

    async def fetch(self, jwks_uri: str) -> Keys | None:
        """The published keys; None where the answer is no set of good public keys, which changes nothing."""
        try:
            async with outside_client(tls=self.tls) as client:
                target = await self.endpoints.target(jwks_uri)
                headers = {**target.headers, "Accept": "application/jwk-set+json, application/json"}
                request = client.build_request("GET", target.url, headers=headers, extensions=dict(target.extensions))
                reply = await call(client, request, seconds=self.seconds)
            return _keys_of(reply)
        except Problem as refused:  # a bad set, a private key, or an address that must not be called
            log.warning("keys_not_fetched", reason=refused.code, detail=str(refused.values.get("reason", "")))
        except (NotReached, NoAnswer, httpx.InvalidURL, ValueError, RecursionError) as error:
            log.warning("keys_not_fetched", reason=type(error).__name__)
        return None


def _keys_of(reply: Reply) -> Keys:
    if reply.status != httpx.codes.OK:
        raise NoAnswer(f"status_{reply.status}")
    found = json.loads(reply.body.decode("utf-8"), object_pairs_hook=members)
    if not isinstance(found, dict):
        raise NoAnswer("no_object")
    return list(public_key_set(found)["keys"])
