"""Amounts, times, signatures and errors of Alipay's protocol."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from tests.svc_payments.channels.doubles.parties import Certified

APP, SELLER = "2021000000000001", "2088521231912068"
BEIJING = ZoneInfo("Asia/Shanghai")
PRODUCTS = {
    "alipay.trade.precreate": "FACE_TO_FACE_PAYMENT",
    "alipay.trade.page.pay": "FAST_INSTANT_TRADE_PAY",
    "alipay.trade.wap.pay": "QUICK_WAP_WAY",
    "alipay.trade.app.pay": "QUICK_MSECURITY_PAY",
}
COMMON = {"app_id", "method", "charset", "sign_type", "timestamp", "version", "sign"}
Json = dict[str, Any]
RawNotice = tuple[bytes, dict[str, str]]


class Fault(Exception):  # noqa: N818 - an answer
    def __init__(self, code: str, sub_code: str) -> None:
        super().__init__(sub_code)
        self.code, self.sub_code = code, sub_code


def fen(yuan: str) -> int:
    whole, _, decimals = yuan.partition(".")
    assert len(decimals) == 2, yuan
    return int(whole + decimals)


def yuan(amount_fen: int) -> str:
    return f"{amount_fen // 100}.{amount_fen % 100:02}"


def moment_text(moment: datetime | None = None) -> str:
    return (moment or datetime.now(BEIJING)).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def signed_text(parameters: Mapping[str, str], charset: str = "utf-8") -> bytes:
    return "&".join(f"{name}={parameters[name]}" for name in sorted(parameters) if parameters[name]).encode(charset)


def signature(key: RSAPrivateKey, text: bytes) -> str:
    return base64.b64encode(key.sign(text, PKCS1v15(), hashes.SHA256())).decode()


def named(certified: Certified) -> str:
    """Alipay's serial of a certificate; the issuer must have only a common name."""
    (name,) = certified.certificate.issuer
    return hashlib.md5(f"CN={name.value!s}{certified.certificate.serial_number}".encode()).hexdigest()  # noqa: S324


def strange_root() -> str:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    moment = datetime.now(BEIJING)
    return (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), moment, moment)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
        .decode()
    )
