"""A device with passkeys, written from WebAuthn with the tools of fido2: it signs whatever it is asked to."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.webauthn import AttestedCredentialData, AuthenticatorData

_FLAG = AuthenticatorData.FLAG
USED = _FLAG.USER_PRESENT | _FLAG.USER_VERIFIED


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def raw(encoded: str) -> bytes:
    return urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


class Device:
    """One passkey; `host` and `origin` are what the browser says, `counter` what the device counts."""

    def __init__(self, host: str = "gateway.test", origin: str = "https://gateway.test") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = secrets.token_bytes(32)
        self.host, self.origin, self.counter = host, origin, 0
        self.flags = USED
        self.user: str | None = None
        """Whom it names when nobody was named to it."""

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer a registration."""
        self.user = options.get("user", {}).get("id")
        made = AttestedCredentialData.create(
            b"\0" * 16,
            self.credential_id,
            ES256.from_cryptography_key(self.key.public_key()),  # type: ignore[no-untyped-call]
        )
        data = AuthenticatorData.create(self._rp_hash(), self.flags | _FLAG.ATTESTED, self.counter, made)
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": bytes(data)})
        client = self._client("webauthn.create", options["challenge"])
        return self._answer(clientDataJSON=text(client), attestationObject=text(attestation))

    def sign(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer a request to sign in."""
        self.counter += 1
        data = bytes(AuthenticatorData.create(self._rp_hash(), self.flags, self.counter))
        client = self._client("webauthn.get", options["challenge"])
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            clientDataJSON=text(client),
            authenticatorData=text(data),
            signature=text(signature),
            userHandle=None if options.get("allowCredentials") else self.user,
        )

    def _rp_hash(self) -> bytes:
        return hashlib.sha256(self.host.encode()).digest()

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _answer(self, **response: str | None) -> dict[str, Any]:
        credential = text(self.credential_id)
        return {"id": credential, "rawId": credential, "type": "public-key", "response": response}
