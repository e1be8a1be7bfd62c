"""Parties, authorisation header and errors of WeChat Pay's protocol."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request

MERCHANT, APP, MOBILE_APP = "1900000109", "wxd678efh567hg6787", "wx8888888888888888"
OPEN_ID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
BEIJING = ZoneInfo("Asia/Shanghai")
AUTHORIZATION = re.compile(
    r'WECHATPAY2-SHA256-RSA2048 mchid="(?P<mchid>\d+)",nonce_str="(?P<nonce>[0-9A-Za-z]{16,32})",'
    r'signature="(?P<signature>[0-9A-Za-z+/=]+)",timestamp="(?P<timestamp>\d{10})",serial_no="(?P<serial>[0-9A-F]+)"'
)
Json = dict[str, Any]
Handler = Callable[[Request, Json], Awaitable[tuple[int, Any]]]


class Fault(Exception):  # noqa: N818 - an answer
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code
