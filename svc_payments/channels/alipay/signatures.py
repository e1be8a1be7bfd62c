"""Alipay's open platform, RSA2: what is signed, by whom, and over which bytes.

Requests: https://docs.open.alipay.com/291/106118; answers and notices: https://docs.open.alipay.com/200/106120.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from kit.signatures.refusals import BadSignature
from svc_payments.settings.channels import load_alipay_keys, load_rsa_roots

SIGN_TYPE = "RSA2"
"""RSA with SHA-256. Alipay's older `RSA`, with SHA-1, is refused."""

_BESIDE = rb'\s*"(?:sign|alipay_cert_sn)"\s*:\s*"[0-9A-Za-z+/=]*"\s*'
_ANSWER = re.compile(
    rb'\s*\{(?P<before>(?:%b,)*)\s*"(?P<name>[a-z_]{1,128})"\s*:\s*(?P<content>\{.*\})\s*(?P<after>(?:,%b)*)\}\s*'
    % (_BESIDE, _BESIDE),
    re.DOTALL,
)
_SIGNATURE = re.compile(rb'"sign"\s*:\s*"([0-9A-Za-z+/=]+)"')


def text_of(parameters: Mapping[bytes, bytes]) -> bytes:
    """What requests and notices are signed over: all parameters, in the order of their names."""
    return b"&".join(b"%b=%b" % each for each in sorted(parameters.items()))


@dataclass(frozen=True)
class App:
    """Who signs our requests."""

    app_id: str
    key: RSAPrivateKey

    def signed(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """The parameters of a request with their signature."""
        text = text_of({name.encode(): value.encode() for name, value in parameters.items()})
        signature = self.key.sign(text, PKCS1v15(), hashes.SHA256())
        return {**parameters, "sign": base64.b64encode(signature).decode()}


class AlipayKeys:
    """Alipay's public keys for our application.

    Nothing that Alipay signs names its key. While it changes, answers come signed with the new one and notices of
    before are repeated with the old one, so either will do for as long as both are set.
    """

    def __init__(self, *pems: str) -> None:
        self._keys = [key for pem in pems for key in load_alipay_keys(pem)]

    def check(self, text: bytes, encoded: bytes) -> None:
        """Verify a signature.

        Raises:
            BadSignature: wrong_signature.
        """
        try:
            signature = base64.b64decode(encoded, validate=True)
        except ValueError:
            raise BadSignature("wrong_signature") from None
        if not any(_fits(key, text, signature) for key in self._keys):
            raise BadSignature("wrong_signature")


def certificates_named(app_certificate: str, root_certificates: str) -> dict[str, str]:
    """The parameters by which a request in certificate mode names its certificate and the roots that it knows.

    Of the roots, those signed with RSA: the others have no part in RSA2.
    """
    (own, *_) = x509.load_pem_x509_certificates(app_certificate.encode())
    roots = load_rsa_roots(root_certificates)
    return {"app_cert_sn": _name_of(own), "alipay_root_cert_sn": "_".join(map(_name_of, roots))}


def _name_of(certificate: x509.Certificate) -> str:
    text = f"{certificate.issuer.rfc4514_string()}{certificate.serial_number}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _fits(key: RSAPublicKey, text: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, text, PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True)
class SignedAnswer:
    """An answer's one member that is signed, as the bytes that it came in."""

    name: str
    content: bytes
    signature: bytes

    @classmethod
    def of(cls, body: bytes) -> "SignedAnswer":
        """Find it without parsing: what a parser makes of the body is not what was signed.

        Raises:
            BadSignature: unsigned.
        """
        found = _ANSWER.fullmatch(body)
        signature = _SIGNATURE.search(found["before"] + found["after"]) if found else None
        if found is None or signature is None:
            raise BadSignature("unsigned")
        return cls(found["name"].decode(), found["content"], signature[1])


def parameters_of(raw: bytes) -> dict[bytes, bytes]:
    """The parameters of a form as the bytes they stand for, in whatever charset: those are what is signed.

    Raises:
        BadSignature: parameters_malformed.
    """
    found: dict[bytes, bytes] = {}
    for part in raw.split(b"&"):
        name, _, value = (unquote_to_bytes(piece.replace(b"+", b" ")) for piece in part.partition(b"="))
        if name in found:
            raise BadSignature("parameters_malformed")
        found[name] = value
    return found


def check_notice(keys: AlipayKeys, parameters: Mapping[bytes, bytes]) -> None:
    """Verify the signature of a notice.

    Raises:
        BadSignature: unsigned, or wrong_signature.
    """
    unsigned = dict(parameters)
    signature, sign_type = unsigned.pop(b"sign", b""), unsigned.pop(b"sign_type", b"")
    if not signature or sign_type != SIGN_TYPE.encode():
        raise BadSignature("unsigned")
    keys.check(text_of(unsigned), signature)
