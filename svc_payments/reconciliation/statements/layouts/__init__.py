"""The layouts of statements: each knows its encodings and how its lines are read."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from re import Pattern

from svc_payments.reconciliation.statements.layouts import alipay, provider, sandbox, unionpay, wechat
from svc_payments.reconciliation.statements.parser import Expected, Lines
from svc_payments.settings.channels import ChannelName

_ANY = re.compile("")


@dataclass(frozen=True)
class Layout:
    encodings: Sequence[str]
    """Those it may be in; the last is taken when no other fits. A byte order mark and a declared charset go before."""
    read: Callable[[Iterator[str], Expected], Lines]
    wanted: Pattern[str] = _ANY
    """Found in the name of the file to be read, where it comes in a zip."""
    beside: Pattern[str] | None = None
    """Found in the names of files that the channel packs with it."""


OF_PROVIDERS = Layout(provider.ENCODINGS, provider.read)
OF_CHANNELS: Mapping[str, Layout] = {
    ChannelName.ALIPAY: Layout(alipay.ENCODINGS, alipay.read, alipay.DETAILS, alipay.SUMS),
    ChannelName.SANDBOX: Layout(sandbox.ENCODINGS, sandbox.read),
    ChannelName.UNIONPAY: Layout(unionpay.ENCODINGS, unionpay.read, unionpay.TRANSACTIONS, unionpay.OTHERS),
    ChannelName.WECHAT: Layout(wechat.ENCODINGS, wechat.read),
}
