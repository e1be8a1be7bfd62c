from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from fastapi import Depends, Request
from pydantic import Field, SecretStr, model_validator

from chassis.settings import ServiceSettings
from kit.audit.settings import AnchorKey
from kit.staff.settings import CoolingOffHours
from svc_payments.settings.channels import AlipaySettings, ChannelName, PausedChannels, UnionpaySettings, WechatSettings
from svc_payments.settings.ledger import StoreUrl

Seconds = Annotated[float, Field(gt=0)]
Pauses = Annotated[tuple[Seconds, ...], Field(min_length=1)]
"""How long to wait before each further try, in seconds; the last one repeats."""

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0


class Settings(ServiceSettings):
    service: ClassVar[str] = "payments"

    channel_url: str | None = None
    """The sandbox channel's API. Only a deployment that names it has a channel whose money is not real."""
    channel_public_key: str | None = None
    """PEM of the key the sandbox channel signs its notices and answers with."""
    merchant_key: SecretStr
    """PEM of our RSA key at the sandbox channel and at the issuer of e-invoices."""
    merchant_id: str = "my-ili"
    """Who we are at the sandbox channel and at counters."""
    paused_channels: PausedChannels = ()
    """Channels over which nothing new is begun. What is under way there is still polled, refunded and reconciled."""
    wechat: WechatSettings | None = None
    alipay: AlipaySettings | None = None
    unionpay: UnionpaySettings | None = None
    channel_timeout_seconds: Seconds = 5.0
    order_seconds: Seconds = 30 * _MINUTE
    """How long a resident may take to confirm a payment, and again to pay it at the channel."""
    ask_again_seconds: Pauses = (5.0, 25.0, 30.0, 4 * _MINUTE, 10 * _MINUTE, *[_HOUR] * 24, _DAY)
    """When to ask what became of an order that no notice came for: at first while the resident is looking at the
    screen, then after 1, 5 and 15 minutes, hourly, daily. As pauses: each from the time before."""
    provider_signing_key: SecretStr
    """PEM of the RSA key that signs our calls to providers; its public half is at /payments/v1/signing-keys."""
    provider_endpoints: Literal["public", "any"] = "public"
    """`public`: providers are called over https at public addresses only; `any` is for a platform on one machine."""
    provider_timeout_seconds: Seconds = 10.0
    inquiry_memory_seconds: Annotated[float, Field(ge=0)] = 30.0
    """How long the answer of a live query is reused."""
    card_ask_seconds: Pauses = (30.0, _MINUTE, 2 * _MINUTE, *[5 * _MINUTE] * 6, *[_HOUR] * 24, _DAY)
    """When to query a provider again whether the card of a prepaid meter is written; the first query is immediate."""
    posting_retry_seconds: Pauses = (1.0, 2.0, 5.0, 15.0, _MINUTE, 5 * _MINUTE, 15 * _MINUTE)
    """When to retry a provider that did not answer."""
    cooling_off_hours: CoolingOffHours = 24
    """For how long somebody has held a role before acting by it as the second person; 0: at once."""
    refund_second_person_fen: Annotated[int, Field(ge=0)] = 20_000
    """One operator may refund up to this amount of a payment; more needs a second one."""
    refund_day_alone_fen: Annotated[int, Field(ge=0)] = 200_000
    """What one operator may refund alone on a day, of all payments together; beyond it a second one decides."""
    refund_day_alone_count: Annotated[int, Field(ge=0)] = 30
    """How many refunds one operator may decide alone on a day."""
    refund_day_fen: Annotated[int, Field(ge=0)] = 50_000_000
    """What one operator may propose and approve on a day; beyond it others do."""
    refund_day_count: Annotated[int, Field(ge=0)] = 500
    """How many refunds one operator may propose and approve on a day."""
    refund_expected_seconds: Seconds = 3 * _DAY
    """How long a channel usually takes until the payer sees the money; shown to payers."""
    cash_limit_fen: Annotated[int, Field(gt=0)] = 1_000_000
    """The largest payment that a counter accepts in cash."""
    payout_supervisor_fen: Annotated[int, Field(ge=0)] = 50_000
    """A clerk pays refunds of a payment out up to this amount; more needs a supervisor."""
    payout_proof_seconds: Seconds = 10 * _MINUTE
    """How long a payout code and a supervisor's approval of a payout are good."""
    ledger_anchors: StoreUrl
    """Where the heads of the hash chains are kept each hour: `file:///folder`, or `s3://bucket/prefix` with the usual
    AWS_* variables; best where the owner of the database cannot write."""
    midnight_seconds: Seconds = _HOUR
    """How long before midnight a movement may be on the next day's statement."""
    statements_from_hour: Annotated[int, Field(ge=0, le=23)] = 10
    """The hour in Beijing at which channels publish the previous day's bill; the national ones promise ten o'clock."""
    invoices_url: str | None = None
    """The API of the issuer of e-invoices; without one they are not offered."""
    invoices_timeout_seconds: Seconds = 10.0
    invoice_retry_seconds: Pauses = (2.0, 10.0, _MINUTE, 5 * _MINUTE, 30 * _MINUTE, _HOUR)
    """When to retry an issuer that did not answer."""
    reminder_hour: Annotated[int, Field(ge=0, le=23)] = 9
    """The hour in China from which reminders are sent."""
    reminder_due_days: Annotated[int, Field(ge=0, le=30)] = 3
    """How many days before a bill is due."""
    reminder_overdue_days: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (1, 7, 30)
    """After how many days, and again after how many."""
    reminder_late_days: Annotated[int, Field(ge=0)] = 7
    """How long after its last stage a bill that was missed, or arrived late, still gets an overdue reminder."""
    reminder_change_percent: Annotated[int, Field(ge=1)] = 50
    """The percentage by which amount or usage must differ for a change to be large."""
    reminder_change_floor_fen: Annotated[int, Field(ge=0)] = 2_000
    """A change of less money is never large."""
    sign_seconds: Seconds = 30 * _MINUTE
    """How long a resident may take to sign the contract of an auto-pay mandate."""
    look_seconds: Seconds = 6 * _HOUR
    """The seconds between two searches for bills under a mandate."""
    deduct_again_days: Annotated[int, Field(ge=0)] = 3
    """On how many days after the announced one a deduction that the channel refused is tried again."""
    bill_upload_seconds: Seconds = _DAY
    """How long an upload of a bill file that was cut waits for the rest."""
    poll_seconds: Seconds = 0.3
    """The seconds between two polls of the worker."""

    @model_validator(mode="after")
    def _channel_with_its_key(self) -> Self:
        if (self.channel_url is None) != (self.channel_public_key is None):
            raise ValueError("the sandbox channel is named by channel_url and channel_public_key together")
        return self

    @property
    def order_lifetime(self) -> timedelta:
        return timedelta(seconds=self.order_seconds)

    @property
    def refund_expected(self) -> timedelta:
        return timedelta(seconds=self.refund_expected_seconds)

    @property
    def payout_proof_lifetime(self) -> timedelta:
        return timedelta(seconds=self.payout_proof_seconds)

    @property
    def sign_lifetime(self) -> timedelta:
        return timedelta(seconds=self.sign_seconds)

    @property
    def notice_url(self) -> str:
        """Where the sandbox channel sends its notices."""
        return self.notices_of(ChannelName.SANDBOX)

    def notices_of(self, channel: ChannelName) -> str:
        """Where a channel sends its notices."""
        return f"{self.public_url}/payments/v1/channels/{channel}/notices"

    def merchant_at(self, channel: ChannelName) -> str:
        """Our merchant id at a channel."""
        own = {
            ChannelName.WECHAT: self.wechat and self.wechat.merchant_id,
            ChannelName.ALIPAY: self.alipay and self.alipay.seller_id,
            ChannelName.UNIONPAY: self.unionpay and self.unionpay.merchant_id,
        }
        return own.get(channel) or self.merchant_id

    @property
    def contract_notice_url(self) -> str:
        """Where the channel sends notices about deduction contracts."""
        return f"{self.public_url}/payments/v1/channels/sandbox/contract-notices"


class WorkerSettings(Settings):
    """The API process has no key for anchors."""

    anchor_key: AnchorKey
    """PEM of the Ed25519 key that signs anchors; auditors have its public half."""


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


TheSettings = Annotated[Settings, Depends(_settings)]
"""For endpoints that need to know how the service is set up."""
