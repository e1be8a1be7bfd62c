"""A team's endpoint, and the worker's part that sends to it."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chassis.db import Database
from kit.deliveries import Carrier
from kit.endpoint_urls import Endpoints
from svc_miniapps.teams.webhooks.sender import Sender


@cache
def signing_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def signing_key_pem() -> str:
    return signing_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def sender_of(database: Database, *, anywhere: bool = True) -> Sender:
    return Sender(database, Carrier(signing_key(), Endpoints(anywhere=anywhere), 2.0))
