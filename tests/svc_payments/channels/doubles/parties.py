"""Keys and certificates generated for a test run."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from chassis.db import now


@cache
def key_of(name: str) -> RSAPrivateKey:
    """A party's key, cached because generation is slow."""
    return generate_private_key(65537, 2048)


def private_pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@dataclass(frozen=True)
class Certified:
    """A key with its certificate."""

    key: RSAPrivateKey
    certificate: x509.Certificate

    @property
    def serial(self) -> str:
        return f"{self.certificate.serial_number:X}"

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()


def certified(
    name: str,
    *,
    by: Certified | None = None,
    authority: bool = False,
    until: datetime | None = None,
    key_name: str | None = None,
) -> Certified:
    """A key and its certificate, self-signed unless `by` is given.

    Args:
        name: the subject's common name.
        by: the issuer.
        authority: whether it is a CA certificate.
        until: the end of its validity.
        key_name: the name of the key, when it differs from the subject.
    """
    key, subject = key_of(key_name or name), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        # The same length as the national channels' serials, whose first digit is never zero.
        .serial_number(int(f"5{secrets.token_hex(15)}", 16))
        .not_valid_before(min(now(), until or now()) - timedelta(days=400))
        .not_valid_after(until or now() + timedelta(days=400))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(by.key if by else key, hashes.SHA256())
    )
    return Certified(key, certificate)
