"""What a browser says it is, in plain words: system and browser. Nothing else of what it sends is kept."""

import re
from collections.abc import Mapping, Sequence

_SYSTEMS = (
    ("HarmonyOS", r"HarmonyOS|OpenHarmony"),
    ("Android", r"Android"),
    ("iOS", r"iPhone|iPad|iPod"),
    ("Windows", r"Windows NT"),
    ("macOS", r"Macintosh"),
    ("Linux", r"Linux"),
)
# The more special ones first: nearly all call themselves Chrome and Safari besides.
_BROWSERS = (
    ("WeChat", r"MicroMessenger/"),
    ("Alipay", r"AlipayClient/"),
    ("DingTalk", r"DingTalk/"),
    ("Huawei Browser", r"HuaweiBrowser/"),
    ("Mi Browser", r"MiuiBrowser/"),
    ("vivo Browser", r"VivoBrowser/"),
    ("HeyTap Browser", r"HeyTapBrowser/"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("UC Browser", r"UCBrowser/"),
    ("QQ Browser", r"M?QQBrowser/"),
    ("Edge", r"Edg(?:A|iOS)?/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/"),
    ("Safari", r"Safari/"),
)
_HINTED = {"Android", "iOS", "Windows", "macOS", "Linux", "HarmonyOS"}


def described(headers: Mapping[str, str]) -> str | None:
    """System and browser of a request by its client hints and User-Agent; None where it names none that is known."""
    agent = headers.get("user-agent", "")[:1_000]
    hinted = headers.get("sec-ch-ua-platform", "").strip('" ')
    system = hinted if hinted in _HINTED else _first(_SYSTEMS, agent)
    return ", ".join(filter(None, (system, _first(_BROWSERS, agent)))) or None


def _first(known: Sequence[tuple[str, str]], agent: str) -> str | None:
    return next((name for name, pattern in known if re.search(pattern, agent)), None)
