"""How apps are found: by a part of a name in any of its languages, or of the pinyin or its initials."""

import re
import unicodedata
from collections.abc import Iterable

_HAN = re.compile(r"[\u3400-\u9fff]")
# Letters that keyboards of Kazakh, Uyghur, Arabic and Persian type for one another.
_ONE_FORM = str.maketrans(
    {
        **dict.fromkeys("\u0649\u06cc\u06d2", "\u064a"),  # yeh
        **dict.fromkeys("\u06a9\u06aa", "\u0643"),  # kaf
        **dict.fromkeys("\u06d5\u06be\u06c1\u0629", "\u0647"),  # heh, and the vowel written with it
        "\u0621": None,  # hamza, which NFKD parts from what carries it; U+0674, the Kazakh one, is no letter of a word
        "\u0674": None,
    }
)
_CARRIER = "\u0626"
"""Before the first vowel of an Uyghur word; left out as often as not."""


def folded(text: str) -> str:
    """Letters and digits alone, in the one form that search compares."""
    plain = unicodedata.normalize("NFKC", text).replace(_CARRIER, "")
    parted = unicodedata.normalize("NFKD", plain.casefold()).translate(_ONE_FORM)
    # Marks, joiners, the tatweel and spaces go; so do the signs that only some keyboards have.
    return "".join(each for each in parted if each.isalnum() and each != "\u0640")


def search_words(names: Iterable[str]) -> str:
    """The names as they are compared, and the pinyin of the Chinese ones with its initials."""
    different = sorted(set(names))
    words = [folded(name) for name in different]
    for name in different:
        if _HAN.search(name):
            words += _pinyin(name)
    return " ".join(dict.fromkeys(words))


def _pinyin(name: str) -> list[str]:
    # Imported when something is published: reading its dictionary took a third of a service's start.
    from pypinyin import Style, lazy_pinyin

    return [folded("".join(lazy_pinyin(name, style=style))) for style in (Style.FIRST_LETTER, Style.NORMAL)]
