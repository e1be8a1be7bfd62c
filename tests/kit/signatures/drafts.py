"""Requests signed by hand, line by line as RFC 9421 says and without the library, with whatever a test changes."""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kit.signatures.keys import thumbprint

Sign = Callable[[RSAPrivateKey, bytes], bytes]
COMPONENTS = ("@method", "@target-uri", "content-digest", "content-type", "myili-recipient")


@dataclass(frozen=True)
class Sent:
    """A request as it arrives."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Draft:
    key: RSAPrivateKey
    recipient: str
    url: str
    body: bytes = b""
    method: str = ""
    label: str = "myili"
    components: tuple[str, ...] | None = None
    parameters: Mapping[str, str | int | None] = field(default_factory=dict)
    """Changes of the usual ones; None leaves one out."""
    digest: str = ""
    sign: Sign | None = None

    def sent(self, **changes: str) -> Sent:
        """The request, with headers changed after signing."""
        return Sent(self._method, self.url, {**self.headers(), **changes}, self.body)

    def headers(self) -> dict[str, str]:
        covered = self._covered()
        lines = [f"{name}: {self._value(name)}" for name in covered]
        parameters = f"({' '.join(covered)}){self._parameters()}"
        base = "\n".join([*lines, f'"@signature-params": {parameters}']).encode()
        signature = base64.b64encode((self.sign or sign_pss)(self.key, base)).decode()
        return {
            **self._fields(),
            "Signature-Input": f"{self.label}={parameters}",
            "Signature": f"{self.label}=:{signature}:",
        }

    @property
    def _method(self) -> str:
        return self.method or ("POST" if self.body else "GET")

    def _covered(self) -> list[str]:
        usual = tuple(name for name in COMPONENTS if self.body or name != "content-type")
        return [name if name.startswith('"') else f'"{name}"' for name in self.components or usual]

    def _fields(self) -> dict[str, str]:
        fields = {"Content-Digest": self.digest or sha256(self.body), "MyIli-Recipient": self.recipient}
        return {**fields, "Content-Type": "application/json"} if self.body else fields

    def _value(self, component: str) -> str:
        name = component.partition(";")[0].strip('"')
        values = {"@method": self._method, "@target-uri": self.url, "@authority": self.url.split("/")[2]}
        return (values | {name.lower(): value for name, value in self._fields().items()})[name.lower()]

    def _parameters(self) -> str:
        now = int(time.time())
        usual: dict[str, str | int | None] = {
            "created": now,
            "expires": now + 300,
            "nonce": secrets.token_urlsafe(24),
            "keyid": thumbprint(self.key.public_key()),
            "alg": "rsa-pss-sha512",
            "tag": "myili-request",
        }
        chosen = {name: value for name, value in {**usual, **self.parameters}.items() if value is not None}
        return "".join(
            f';{name}="{value}"' if isinstance(value, str) else f";{name}={value}" for name, value in chosen.items()
        )


def sha256(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def sign_pss(key: RSAPrivateKey, base: bytes) -> bytes:
    return key.sign(base, padding.PSS(padding.MGF1(hashes.SHA512()), 64), hashes.SHA512())


def sign_v1_5(key: RSAPrivateKey, base: bytes) -> bytes:
    return key.sign(base, padding.PKCS1v15(), hashes.SHA256())


def sign_with_the_public_key_as_secret(key: RSAPrivateKey, base: bytes) -> bytes:
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return hmac.digest(pem, base, "sha256")
