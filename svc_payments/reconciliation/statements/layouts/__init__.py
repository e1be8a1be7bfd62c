"""The layouts of statements: each knows its encodings and how its lines are read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from svc_payments.reconciliation.statements.layouts import alipay, provider, sandbox, unionpay, wechat
from svc_payments.reconciliation.statements.parser import Expected, Lines
from svc_payments.settings.channels import ChannelName


@dataclass(frozen=True)
class Layout:
    encodings: Sequence[str]
    read: Callable[[Iterator[str], Expected], Lines]


OF_PROVIDERS = Layout(provider.ENCODINGS, provider.read)
OF_CHANNELS: Mapping[str, Layout] = {
    ChannelName.ALIPAY: Layout(alipay.ENCODINGS, alipay.read),
    ChannelName.SANDBOX: Layout(sandbox.ENCODINGS, sandbox.read),
    ChannelName.UNIONPAY: Layout(unionpay.ENCODINGS, unionpay.read),
    ChannelName.WECHAT: Layout(wechat.ENCODINGS, wechat.read),
}
