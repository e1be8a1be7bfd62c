"""Which passwords are refused (NIST SP 800-63B-4): short ones, those that many choose, and the owner's own number.

There are no rules about kinds of characters, and none ever expires.
"""

import re
from datetime import date
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path

from svc_identity.people.passwords.hashing import normal

SHORTEST, LONGEST = 8, 256
"""In characters. Eight are enough beside a texted code; alone a password signs nobody in."""
_COMMON = Path(__file__).with_name("common.txt")
_STEMS = frozenset(
    (  # noqa: SIM905 - a list would fill the page
        "woaini woaiwo woaiwojia woaizhongguo zhongguo xinjiang yili yining myili wodeyili kuitun huocheng tekesi "
        "nilka xinyuan gongliu zhaosu chabuchaer khorgas ghulja altay urumqi wulumuqi beijing shanghai nihao mima "
        "wodemima mimashi password passwd admin root user test guest login welcome qwer qwert qwerty qwertyu asdf "
        "asdfg asdfgh zxcv zxcvb zxcvbn qaz qazwsx wsx qweasd qweasdzxc asd zxc qwe abc abcd abcde abcdef aini "
        "baobei laopo laogong mama baba jiejie gege didi meimei shengri kuaile gongzuo dianhua shouji weixin alipay "
        "zhifubao taobao wangwei zhangwei wangfang liwei lina zhangmin wangjing liujing zhangli wangqiang liqiang "
        "zhangjie wangyan liujie chenjie xiaoming xiaohong xiaolong longlong huanhuan a aa aaa q qq qqq w ww x xx z zz"
    ).split()
)
"""Words and names in pinyin, and beginnings of keyboards, with nothing but digits around them."""
_AROUND = re.compile(r"^[\d\W_]+|[\d\W_]+$")
_LOVE = re.compile(r"(520|1314|521|13145|5201314|147258|159357|123|321|456|789|000|111|222|333|555|666|777|888|999)+")
_DATE = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")
_MOBILE = re.compile(r"(?:86)?1[3-9]\d{9}")


class Weak(StrEnum):
    """Why a password is refused."""

    SHORT = "too_short"
    LONG = "too_long"
    COMMON = "common"
    PERSONAL = "personal"


def fault_of(password: str, phone: str) -> Weak | None:
    """Why a password cannot be chosen by the owner of a phone (E.164); None if it can."""
    chosen = normal(password)
    if len(chosen) < SHORTEST:
        return Weak.SHORT
    if len(chosen) > LONGEST:
        return Weak.LONG
    plain = unspaced(chosen)
    digits = "".join(character for character in plain if character.isdigit())
    national = phone[-11:]
    if digits and (digits in phone or national in digits) and len(digits) >= SHORTEST - 1:
        return Weak.PERSONAL
    return Weak.COMMON if _is_common(plain) else None


def unspaced(password: str) -> str:
    """As those who guess write it: small letters, full width as half width, no spaces."""
    folded = "".join(chr(ord(each) - 0xFEE0) if "！" <= each <= "～" else each for each in password)
    return re.sub(r"\s", "", folded.casefold())


def _is_common(plain: str) -> bool:
    return (
        plain in _common()
        or len(set(plain)) <= 2  # noqa: PLR2004 - two characters are no secret, however often
        or _is_run(plain)
        or _AROUND.sub("", plain) in _STEMS
        or (plain.isdecimal() and bool(_LOVE.fullmatch(plain) or _MOBILE.fullmatch(plain) or _is_date(plain)))
        or plain in (plain + plain)[1:-1]  # one piece again and again
    )


def _is_run(plain: str) -> bool:
    """`12345678`, `hgfedcba`: each character the neighbour of the one before; 0 follows 9."""
    steps = {(ord(after) - ord(before)) % 10 for before, after in pairwise(plain)}
    return steps in ({1}, {9})


def _is_date(plain: str) -> bool:
    found = _DATE.fullmatch(plain)
    if not found:
        return False
    try:
        date(*(int(part) for part in found.groups()))
    except ValueError:
        return False
    return True


@cache
def _common() -> frozenset[str]:
    return frozenset(_COMMON.read_text("utf-8").split())
