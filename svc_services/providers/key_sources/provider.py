"""Fetches the key set that a company publishes: one bounded call to a public address."""

import asyncio
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
class NotFetched:
    """Why there are no keys, for the company to read."""

    reason: str


@dataclass(frozen=True)
class HttpKeySource:
    endpoints: Endpoints
    seconds: float = 5.0
    tls: SSLContext = TLS

    async def fetch(self, jwks_uri: str) -> Keys | NotFetched:
        """The published keys; NotFetched where the answer is no set of good public keys, which changes nothing.

        All of it takes `seconds` at most, the look-up of the name too.
        """
        try:
            async with asyncio.timeout(self.seconds), outside_client(tls=self.tls) as client:
                target = await self.endpoints.target(jwks_uri)
                headers = {**target.headers, "Accept": "application/jwk-set+json, application/json"}
                request = client.build_request("GET", target.url, headers=headers, extensions=dict(target.extensions))
                reply = await call(client, request, seconds=self.seconds)
            return _keys_of(reply)
        except Problem as refused:  # a bad set, a private key, or an address that must not be called
            log.warning("keys_not_fetched", reason=refused.code, detail=str(refused.values.get("reason", "")))
            return NotFetched(refused.code)
        except TimeoutError:
            reason = "too_slow"
        except NotReached:
            reason = "not_reached"
        except NoAnswer as error:
            reason = str(error) if str(error).startswith("status_") else "no_answer"
        except (httpx.InvalidURL, TypeError, ValueError, RecursionError):
            reason = "no_key_set"
        log.warning("keys_not_fetched", reason=reason)
        return NotFetched(reason)


def _keys_of(reply: Reply) -> Keys:
    if reply.status != httpx.codes.OK:
        raise NoAnswer(f"status_{reply.status}")
    found = json.loads(reply.body.decode("utf-8"), object_pairs_hook=members)
    if not isinstance(found, dict):
        raise TypeError("no object")
    return list(public_key_set(found)["keys"])
