"""The rigs of all channels."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from deploy.local.programs import free_port
from tests.svc_payments.channels.doubles.alipay import AlipayDouble, certificate_double
from tests.svc_payments.channels.doubles.unionpay import UnionpayDouble
from tests.svc_payments.channels.doubles.wechat import WechatDouble, public_key_double
from tests.svc_payments.channels.rigs.alipay import AlipayRig
from tests.svc_payments.channels.rigs.contract import Rig
from tests.svc_payments.channels.rigs.unionpay import UnionpayRig
from tests.svc_payments.channels.rigs.wechat import WechatRig
from tests.svc_payments.served import served

RIGS: dict[str, Callable[[], Rig]] = {
    "alipay-app": lambda: AlipayRig(AlipayDouble(), "app"),
    "alipay-certificates": lambda: AlipayRig(certificate_double(), "precreate"),
    "alipay-precreate": lambda: AlipayRig(AlipayDouble(), "precreate"),
    "unionpay": lambda: UnionpayRig(UnionpayDouble()),
    "wechat": lambda: WechatRig(WechatDouble()),
    "wechat-public-key": lambda: WechatRig(public_key_double()),
}


@asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[None]:
    port = free_port()
    rig.configure(f"http://127.0.0.1:{port}")
    async with served(rig.app(), port):
        yield
