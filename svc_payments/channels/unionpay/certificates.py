"""The signers of UnionPay's messages: each message carries its certificate, which must chain to a trusted root.

UnionPay rotates its signing certificate every few years without notice. That needs no change here: the next one
chains to the same authority and has the same name.
"""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID

from chassis.db import now
from kit.signatures.keys import MIN_KEY_BITS
from kit.signatures.refusals import BadSignature
from svc_payments.channels.unionpay.signatures import CERTIFICATE, Fields, check
from svc_payments.settings.channels import UnionpaySettings

_LONGEST = 16 * 1024
_HASHES = {"sha1", "sha256", "sha384", "sha512"}
_NAME_PARTS, _OWNER = 4, 2
"""Of the names that the China Financial Certification Authority gives: kind@number@owner@serial."""


class Signers:
    """Finds the key that a message is signed with, if UnionPay has it."""

    def __init__(self, settings: UnionpaySettings) -> None:
        self._name = settings.signer
        trusted = x509.load_pem_x509_certificates(settings.trusted_certificates.encode())
        self._root, self._intermediates = trusted[0], trusted[1:]

    def check(self, fields: Fields) -> None:
        """Find the key and check the signature with it.

        Raises:
            BadSignature: headers_malformed, unknown_key, or as `signing.check`.
        """
        check(self._key(fields.get(CERTIFICATE, "")), fields)

    def _key(self, pem: str) -> RSAPublicKey:
        if len(pem) > _LONGEST:
            raise BadSignature("headers_malformed")
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode())
            key = certificate.public_key()
        except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
            raise BadSignature("headers_malformed") from None
        trusted = self._is_named(certificate) and chains_to(self._root, self._intermediates, certificate, now())
        if not trusted or not isinstance(key, RSAPublicKey) or key.key_size < MIN_KEY_BITS:
            raise BadSignature("unknown_key")
        return key

    def _is_named(self, certificate: x509.Certificate) -> bool:
        # Others have certificates of the same authority: only this identifies UnionPay.
        names = [str(name.value) for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if len(names) != 1:
            return False
        parts = names[0].split("@")
        return self._name in {names[0], parts[_OWNER] if len(parts) == _NAME_PARTS else None}


def chains_to(
    root: x509.Certificate, intermediates: Sequence[x509.Certificate], certificate: x509.Certificate, moment: datetime
) -> bool:
    """Whether a certificate chains to a root through intermediates, all valid at a moment."""
    below = certificate
    for _ in range(len(intermediates) + 1):
        if not _valid(below, moment):
            return False
        if _issued(root, below):
            return _valid(root, moment)
        above = [one for one in intermediates if one != below and _may_issue(one) and _issued(one, below)]
        if not above:
            return False
        # An authority may renew its certificate with the same key: then both the old and the new one match.
        below = next((one for one in above if _valid(one, moment)), above[0])
    return False


def _valid(certificate: x509.Certificate, moment: datetime) -> bool:
    return certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc


def _issued(above: x509.Certificate, below: x509.Certificate) -> bool:
    # Not `verify_directly_issued_by`, which rejects SHA-1: the authority's own certificates are signed with it.
    if below.issuer != above.subject:
        return False
    try:
        key, algorithm = above.public_key(), below.signature_hash_algorithm
        if not isinstance(key, RSAPublicKey) or algorithm is None or algorithm.name not in _HASHES:
            return False
        key.verify(below.signature, below.tbs_certificate_bytes, PKCS1v15(), algorithm)
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _may_issue(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False
