"""Authenticator apps of people in tests: written from RFC 6238, apart from the library that the service uses."""

import base64
import hmac
import re
import struct
import time
from dataclasses import dataclass
from html import unescape

_KEY = re.compile(r'<p class="key">.*?<code dir="ltr">([A-Z2-7 ]+)</code>', re.DOTALL)
_SECONDS, _DIGITS, _ON_THE_WAY = 30, 6, 8


@dataclass
class Authenticator:
    """Shows codes, and never the same one twice, as each is good once."""

    secret: str
    last_step: int = 0

    def at(self, step: int) -> str:
        digest = hmac.digest(base64.b32decode(self.secret), struct.pack(">Q", step), "sha1")
        offset = digest[-1] & 15
        (number,) = struct.unpack(">I", digest[offset : offset + 4])
        return f"{(number & 0x7FFFFFFF) % 10**_DIGITS:0{_DIGITS}}"

    def _earliest(self) -> int:
        now = int(time.time())
        return now // _SECONDS - (now % _SECONDS < _SECONDS - _ON_THE_WAY)

    def code(self) -> str:
        """The earliest code that the service takes for some seconds more, later than the last used.

        Waits where sign-ins within a step have used up all that it takes.
        """
        while (step := max(self._earliest(), self.last_step + 1)) > int(time.time()) // _SECONDS + 1:
            time.sleep(0.5)
        self.last_step = step
        return self.at(step)


def shown_on(page: str) -> Authenticator:
    """The authenticator app with the key of the page that sets one up."""
    found = _KEY.search(unescape(page))
    assert found, "the page shows no key"
    return Authenticator(found[1].replace(" ", ""))
