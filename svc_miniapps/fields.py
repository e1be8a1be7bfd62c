"""Kinds of fields that request models share, and what two names have in common for a reader."""

import re
import unicodedata
from functools import cache
from typing import Annotated

from confusable_homoglyphs.confusables import confusables_data
from opencc import OpenCC
from pydantic import AfterValidator, Field, StringConstraints

from chassis.text import Line

Sentence = Annotated[Line, Field(max_length=300)]
Code = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,63}$")]
LanguageTag = Annotated[str, StringConstraints(pattern="^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$")]
"""A BCP 47 tag: zh-Hans, kk-Arab, ug, en."""

# Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties.txt, and the Braille blank; all of it shows nothing.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]|\\s"
)
_MARKS = re.compile("[\u0300-\u036f\u0640\u064b-\u0653\u0656-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]")
"""Accents that belong to no letter, the tatweel that stretches a word, and the vowel signs of Arabic."""
_STROKE = "|"
"""The one sign that is read as a letter."""
_MARK = "\u200e"
"""Stands around right-to-left characters in the data of confusable-homoglyphs; no character of theirs."""
_ALIKE = str.maketrans("ʙɢʜᴋĸᴌᴍʍɴᴘʀᴛʏᴊƅɜılء", "bghkklmmnprtyjb3iiٴ")
"""Small capitals, the look of Cyrillic small letters whose capitals look Latin; and l, as I and l are one
stroke; and the hamza that some write for the high one of Kazakh."""
_HAN = str.maketrans("曰戸戶已巳末入士攴徽囯囻囗甯寗寕戍戌夭冃巿", "日户户己己未人土支微国国口宁宁宁戊戊天日市")
"""Forms that are written for each other (Unihan's kZVariant and kSemanticVariant), or taken for each other in print.
A short list by hand: the data of Unihan are no dependency of ours."""


@cache
def _prototypes() -> dict[int, str]:
    """What each character looks like, of UTS #39: the data link it with its prototype and with nothing else."""
    links = {each: {other["c"] for other in others} for each, others in confusables_data.items()}
    found: dict[int, str] = {}
    for each, others in links.items():
        prototype = next(iter(others)) if len(others) == 1 else each
        # Of a pair that stands alone the data do not say which one is the prototype: the same one for both.
        if links[prototype] == {each}:
            prototype = max(each, prototype, key=lambda text: (len(_plain(text)), text))
        if len(_plain(each)) == 1:
            found[ord(_plain(each))] = _plain(prototype)
    return found


def _plain(text: str) -> str:
    return text.replace(_MARK, "")


@cache
def _simplified() -> OpenCC:
    return OpenCC("t2s")


def _lowered(text: str) -> str:
    """In lower case, but for capitals that look Latin: the Cyrillic En looks like H, its small form does not."""
    looks = _prototypes()
    return "".join(each if looks.get(ord(each), each).isascii() else each.lower() for each in text)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _letters(text: str) -> str:
    """Without punctuation and symbols: `停车·泊位` and `停车泊位™` read like `停车泊位`."""
    return "".join(each for each in text if each == _STROKE or unicodedata.category(each)[0] not in "PS")


def key_of(name: str) -> str:
    """A key that two names share when a reader would take them for the same; empty when there is nothing to see.

    The look is taken before the case is folded and after: the Greek Nu looks like N, its small form like v.
    """
    seen = _MARKS.sub("", _UNSEEN.sub("", unicodedata.normalize("NFKC", _letters(name))))
    key = _lowered(_simplified().convert(_letters(seen)).translate(_HAN))
    for _ in range(2):
        alike = unicodedata.normalize("NFD", key).translate(_prototypes())
        key = _folded(_folded(alike).translate(_ALIKE))
    return _UNSEEN.sub("", key)


def _readable(name: str) -> str:
    if not key_of(name):
        raise ValueError("must contain something to read")
    return name


Name = Annotated[Line, Field(max_length=40), AfterValidator(_readable)]
