"""Settings of the channels. A channel without settings is not offered."""

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Literal, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from kit.signatures.keys import MIN_KEY_BITS, load_private_key, load_public_keys

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_SIGNED_WITH_RSA = "1.2.840.113549.1.1."


class ChannelName(StrEnum):
    SANDBOX = "sandbox"
    WECHAT = "wechat"
    ALIPAY = "alipay"
    UNIONPAY = "unionpay"
    CASH = "cash"
    """Over the counter, counted into a till's drawer."""
    POS = "pos"
    """Over the counter, by a card terminal."""


def load_alipay_keys(pem: str) -> Sequence[RSAPublicKey]:
    """A public key, or those of certificates; Alipay renews its certificate for the same key.

    The file that Alipay offers has the certificate of its intermediate authority, too. That one signs certificates, and
    no messages: its key is not among them.

    Raises:
        ValueError: it is neither.
    """
    if "BEGIN CERTIFICATE" not in pem:
        return list(load_public_keys(pem).values())
    certificates = x509.load_pem_x509_certificates(pem.encode())
    issuers = {each.issuer for each in certificates if each.issuer != each.subject}
    keys = [each.public_key() for each in certificates if not _is_authority(each) and each.subject not in issuers]
    found = [key for key in keys if isinstance(key, RSAPublicKey) and key.key_size >= MIN_KEY_BITS]
    if not keys or len(found) != len(keys):
        raise ValueError(f"certificates must be of RSA keys of at least {MIN_KEY_BITS} bits")
    return found


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def load_rsa_roots(pem: str) -> Sequence[x509.Certificate]:
    """Of root certificates those signed with RSA.

    Alipay's file has others, of SM2 and of an ECDSA that is encoded as no standard has it, so each is read by itself:
    one that cannot be read is none of RSA.

    Raises:
        ValueError: there is none.
    """
    roots = []
    for block in _CERTIFICATE.findall(pem):
        try:
            root = x509.load_pem_x509_certificate(block.encode())
        except ValueError:
            continue
        if root.signature_algorithm_oid.dotted_string.startswith(_SIGNED_WITH_RSA):
            roots.append(root)
    if not roots:
        raise ValueError("there is no certificate signed with RSA")
    return roots


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


def _split_or_none(value: object) -> object:
    return _split(value) if value else ()


def _require_loadable(load: Callable[[str], object], pem: str, sentence: str) -> None:
    # The libraries' own messages do not help operators and might quote the key.
    try:
        load(pem)
    except (ValueError, TypeError):
        raise ValueError(sentence) from None


def _private_key(pem: SecretStr) -> SecretStr:
    _require_loadable(
        load_private_key, pem.get_secret_value(), "must be an RSA private key of at least 2048 bits in PEM"
    )
    return pem


def _public_key(pem: str) -> str:
    _require_loadable(load_public_keys, pem, "must be an RSA public key of at least 2048 bits in PEM")
    return pem


def _certificates(pem: str) -> str:
    _require_loadable(lambda text: x509.load_pem_x509_certificates(text.encode()), pem, "must be certificates in PEM")
    return pem


def _roots(pem: str) -> str:
    _require_loadable(load_rsa_roots, pem, "must be certificates in PEM, one of them signed with RSA")
    return pem


def _alipay_key(pem: str) -> str:
    _require_loadable(
        load_alipay_keys, pem, "must be an RSA public key of at least 2048 bits, or a certificate of one, in PEM"
    )
    return pem


def _api_key(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value().encode()) != 32:  # noqa: PLR2004 - the key size of AES-256
        raise ValueError("must have 32 characters")
    return key


# Written with commas, as environments have no lists.
WechatMethods = Annotated[
    tuple[Literal["native", "jsapi", "app", "h5"], ...], NoDecode, BeforeValidator(_split), Field(min_length=1)
]
AlipayMethods = Annotated[
    tuple[Literal["precreate", "page", "wap", "app"], ...], NoDecode, BeforeValidator(_split), Field(min_length=1)
]
PausedChannels = Annotated[tuple[ChannelName, ...], NoDecode, BeforeValidator(_split_or_none)]
PrivateKey = Annotated[SecretStr, AfterValidator(_private_key)]
PublicKey = Annotated[str, AfterValidator(_public_key)]
AlipayKey = Annotated[str, AfterValidator(_alipay_key)]
Certificates = Annotated[str, AfterValidator(_certificates)]
Roots = Annotated[str, AfterValidator(_roots)]
Url = Annotated[str, Field(pattern=r"^https?://[!-~]+[^/]$")]


class WechatSettings(BaseModel):
    """A merchant of WeChat Pay, API v3."""

    model_config = ConfigDict(frozen=True)

    merchant_id: Annotated[str, Field(pattern=r"^[0-9]{1,32}$")]
    """mchid."""
    app_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,32}$")]
    """The official account or mini program that orders are placed for."""
    mobile_app_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,32}$")] | None = None
    """The mobile app of method `app`, when that is another one."""
    merchant_key: PrivateKey
    """Of the merchant's API certificate."""
    merchant_serial: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{8,64}$")]
    """The serial number of that certificate."""
    api_key: Annotated[SecretStr, AfterValidator(_api_key)]
    """The APIv3 key, which notices and platform certificates are encrypted with."""
    public_key: PublicKey | None = None
    """WeChat Pay's public key. Without it, platform certificates are fetched with the APIv3 key."""
    public_key_id: Annotated[str, Field(pattern=r"^PUB_KEY_ID_[0-9A-Za-z]{1,64}$")] | None = None
    methods: WechatMethods = ("native",)
    """The methods enabled for the merchant; the first is the default."""
    url: Url = "https://api.mch.weixin.qq.com"

    @model_validator(mode="after")
    def _key_with_its_id(self) -> Self:
        if (self.public_key is None) != (self.public_key_id is None):
            raise ValueError("public_key and public_key_id are set together")
        return self


class AlipaySettings(BaseModel):
    """An application at Alipay's open platform, in public-key or in certificate mode."""

    model_config = ConfigDict(frozen=True)

    app_id: Annotated[str, Field(pattern=r"^[0-9]{1,32}$")]
    seller_id: Annotated[str, Field(pattern=r"^2088[0-9]{12}$")]
    """The Alipay account that receives the money."""
    app_key: PrivateKey
    """The application's private key."""
    public_key: AlipayKey
    """Alipay's public key for this application, or its certificate for it; not the application's own."""
    former_public_key: AlipayKey | None = None
    """The previous key, accepted as well while it is set: notices signed with it are repeated for a day."""
    methods: AlipayMethods = ("precreate", "page", "wap", "app")
    """The methods enabled for the application; the first is the default."""
    return_url: Url | None = None
    """Where the payer's browser returns after `page` and `wap`; its return does not prove a payment."""
    app_certificate: Certificates | None = None
    """Of the application, in certificate mode."""
    root_certificates: Roots | None = None
    """Alipay's roots, all of them as they were downloaded, in certificate mode."""
    url: Url = "https://openapi.alipay.com/gateway.do"

    @model_validator(mode="after")
    def _certificate_mode(self) -> Self:
        if (self.app_certificate is None) != (self.root_certificates is None):
            raise ValueError("app_certificate and root_certificates are set together")
        return self


class UnionpaySettings(BaseModel):
    """A merchant of UnionPay's online gateway, ACP 5.1.0."""

    model_config = ConfigDict(frozen=True)

    merchant_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{15}$")]
    """merId."""
    merchant_key: PrivateKey
    merchant_certificate: Certificates
    """The certificate of that key; its serial number is the certId of our messages."""
    trusted_certificates: Certificates
    """The root first, then the intermediate certificates that UnionPay's signing certificates chain to."""
    signer: str = "中国银联股份有限公司"
    """The name UnionPay's signing certificates bear: their CN, or the third of its four parts."""
    front_url: Url
    """Where the payer returns after paying."""
    url: Url = "https://gateway.95516.com/gateway/api"
    files_url: Url = "https://filedownload.95516.com"
    """Where the file of a day is; `url` is all the rest."""

    @model_validator(mode="after")
    def _key_of_the_certificate(self) -> Self:
        # Otherwise every request would name a certificate of another key.
        (certificate, *_) = x509.load_pem_x509_certificates(self.merchant_certificate.encode())
        if certificate.public_key() != load_private_key(self.merchant_key.get_secret_value()).public_key():
            raise ValueError("merchant_certificate must be of merchant_key")
        return self
