from typing import ClassVar, Literal, Self

from authlib.common.security import is_secure_transport
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator

from chassis.db import now
from chassis.settings import ServiceSettings
from kit.audit.settings import AnchorKey, StoreUrl
from kit.signing_keys import read_signing_keys, signing_at
from kit.staff.settings import CoolingOffHours
from svc_identity.keys import read_key


class TencentSms(BaseModel):
    """Tencent Cloud SMS, with templates that are approved there; one of a code has the code and the minutes."""

    model_config = ConfigDict(frozen=True)

    secret_id: str
    """Of an access key that may send messages and nothing else."""
    secret_key: SecretStr
    app_id: str
    """SmsSdkAppId."""
    sign_name: str
    """The signature that was approved there, without brackets."""
    template_zh: str
    template_en: str
    template_kk: str
    """Kazakh in Arabic script."""
    template_ug: str
    new_device_zh: str
    """Says that somebody has signed in on another device, its only parameter."""
    new_device_en: str
    new_device_kk: str
    new_device_ug: str
    templates: dict[str, dict[str, str]] = {}
    """Further ones by name and language, such as `{"phone_moved": {"zh": "…"}}`; a code without one uses the sign-in's,
    a notice without one does not leave, which the log says."""
    region: str = "ap-guangzhou"

    def of_other(self, template: str, language: str) -> str | None:
        """A further template in a language, else in Chinese."""
        known = self.templates.get(template, {})
        return known.get(language) or known.get("zh")

    def of_code(self, language: str) -> str:
        """The template in the language of a page, and in Chinese for one without a template."""
        templates = {"en": self.template_en, "kk-Arab": self.template_kk, "ug": self.template_ug}
        return templates.get(language, self.template_zh)

    def of_new_device(self, language: str) -> str:
        templates = {"en": self.new_device_en, "kk-Arab": self.new_device_kk, "ug": self.new_device_ug}
        return templates.get(language, self.new_device_zh)


class Settings(ServiceSettings):
    service: ClassVar[str] = "identity"

    token_signing_key: SecretStr
    """EC P-256 private keys in PEM, one after the other. The first signs, or by a schedule: see `key_rotation.py`."""
    field_key: SecretStr
    """Keys of 32 bytes in base64, comma-separated. The first encrypts personal data, all can decrypt it."""
    field_cipher: Literal["aes-256-gcm", "sm4-gcm"] = "aes-256-gcm"
    """What encrypts personal data from now on; both are read. See `vault/reencryption.py`."""
    index_key: SecretStr
    """32 bytes in base64, from which the keys of cookies, tokens, passwords and pairwise subjects are derived, so it
    stays. Phones and ID numbers are found by a hash made with it as well, unless there are `blind_index_keys`."""
    blind_index_keys: SecretStr = SecretStr("")
    """Keys of 32 bytes in base64, comma-separated, by which phones and ID numbers are found: the first writes, all are
    looked up. Empty: `index_key` alone, which is listed here while rows are under it. See `index_rotation.py`."""
    sms_url: str
    """The SMS gateway's API, or https://sms.tencentcloudapi.com."""
    sms_tencent: TencentSms | None = None
    """Where it is set, `sms_url` is Tencent Cloud's."""
    registries_url: str
    """The API of the population registry and the legal-entity registry."""
    faces_url: str = ""
    """The API of the face verifier; empty: level 3 is not offered by face."""
    network_identity_url: str = ""
    """The API of the national network identity service; empty: level 3 is not offered by its certificate."""
    verification_days: int = Field(default=365, ge=1, le=3_650)
    """How long level 3 lasts."""
    code_resend_seconds: int = Field(default=60, ge=1)
    """How long a phone waits for its next sign-in code."""
    codes_per_phone_an_hour: int = Field(default=10, ge=1)
    """Most sign-in codes for one phone in an hour."""
    codes_per_phone_a_day: int = Field(default=20, ge=1)
    """Most sign-in codes for one phone in a day. With five tries each, a guesser has one chance in ten thousand."""
    codes_per_address: int = Field(default=100, ge=1)
    """Most sign-in codes requested from one network address in an hour; many homes share an address."""

    codes_a_minute: int = Field(default=3_000, ge=1)
    """Most sign-in codes that browsers unknown to their phones get in a minute, all together."""
    wrong_codes_in_ten_minutes: int = Field(default=1_000, ge=1)
    """From so many wrong codes on, over all phones, a code has two tries in a browser that its phone does not know."""
    phone_quiet_days: int = Field(default=90, ge=1)
    """After so many days without a sign-in, an unknown browser has to prove whose phone it is: numbers are reissued."""
    lost_phone_days: int = Field(default=7, ge=1, le=60)
    """How long a change of a lost phone waits, so that whoever has the old number can stop it."""
    cooling_off_hours: CoolingOffHours = 24
    """How long an operator holds the role before they can approve what another one proposes; 0: at once."""
    passkey_origins: str = ""
    """Origins of native apps beside the public address, comma-separated, such as `android:apk-key-hash:…`."""
    code_repeat_seconds: int = Field(default=60, ge=0, le=600)
    """How long an app whose token answer was lost may send the same request again; 0: not at all."""

    closure_days: int = Field(default=15, ge=1, le=60)
    """The cooling-off period of a closure: so long the person can cancel it."""

    @model_validator(mode="after")
    def _codes_are_private_on_the_way(self) -> Self:
        if self.sms_tencent and not is_secure_transport(self.sms_url):
            raise ValueError("sms_url must be https, or http at a loopback address: it takes sign-in codes")
        return self

    @field_validator("public_url")
    @classmethod
    def _is_private_on_the_way(cls, value: str) -> str:
        if not is_secure_transport(value):
            raise ValueError("must be https, or http at a loopback address: people sign in there")
        return value

    @field_validator("token_signing_key")
    @classmethod
    def _are_signing_keys(cls, value: SecretStr) -> SecretStr:
        signing_at(read_signing_keys(value.get_secret_value()), now())
        return value

    @field_validator("field_key", "blind_index_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if value.get_secret_value() or info.field_name == "field_key":
            for key in value.get_secret_value().split(","):
                read_key(key)
        return value

    @field_validator("index_key")
    @classmethod
    def _is_key(cls, value: SecretStr) -> SecretStr:
        read_key(value.get_secret_value())
        return value


class WorkerSettings(Settings):
    """The API process neither reads anchors nor signs them, and notifies no apps."""

    provider_endpoints: Literal["public", "any"] = "public"
    """`public`: apps are notified by https at public addresses only. `any` is for those on the same machine."""

    anchors: StoreUrl
    """Where the heads of the trail are kept each hour; best where the owner of the database cannot write."""
    anchor_key: AnchorKey
    """PEM of the Ed25519 key that signs anchors; auditors have its public half."""
