"""How a company's account numbers look: it declares this once, and every place that takes a number checks by it."""

import re
from functools import lru_cache
from string import ascii_lowercase
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chassis.problems import DEFAULT_LANGUAGE, Problem
from chassis.text import Line, nearest_tag
from kit.fields.check_rules import CHARACTERS, DIGITS, CheckRule, check_of
from kit.fields.labels import is_arabic
from kit.fields.number_patterns import LONGEST_NUMBER, LONGEST_PATTERN, NotAPattern, NumberPattern, number_pattern

LONGEST_TYPED = 64
_LONGEST_LABEL = 40
_WIDE = 0xFEE0
"""From an ASCII character to its full-width form."""
_PRINTED: dict[int, str] = {
    **{code: chr(code - _WIDE) for code in range(0xFF01, 0xFF5F)},
    # By hand: str.upper() would also make an I of the dotless \u0131, and an S of the long \u017f.
    **{ord(small) + wide: small.upper() for small in ascii_lowercase for wide in (0, _WIDE)},
    **dict.fromkeys(map(ord, " \t\u00a0\u3000"), ""),
}

NumberFault = Literal["shape", "check_digit"]
DeclarationFault = Literal["label", "pattern", "length", "check_rule", "example"]

Words = Annotated[Line, Field(max_length=_LONGEST_LABEL)]
Length = Annotated[int, Field(strict=True, ge=1, le=LONGEST_NUMBER)]


class NumberLabel(BaseModel):
    """What people call the number, in the languages of the prefecture."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    zh: Words
    en: Words
    kk: Words
    """Kazakh, in Arabic script."""
    ug: Words

    def in_language(self, language: str) -> str:
        """The label for a reader, given a BCP 47 tag."""
        words: dict[str, str] = self.model_dump()
        return words[nearest_tag(language, words.keys()) or DEFAULT_LANGUAGE]


class CustomerParameters(BaseModel):
    """The account numbers of one company."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    label: NumberLabel
    pattern: Annotated[str, Field(max_length=LONGEST_PATTERN)]
    """A row of capital letters, digits, hyphens and classes of them, each with a repetition at most: `1[3-9][0-9]{9}`.
    One repetition may have a variable length, such as `{6,8}`. In answers it has its anchors."""
    min_length: Length
    max_length: Length
    check_rule: CheckRule
    """none, mod_11_10 (GB/T 17710), luhn, verhoeff or mod_97_10; expect further values within v1."""
    example: Annotated[str, Field(max_length=LONGEST_TYPED)]
    """An invented number that fits."""

    def fault(self, number: str) -> NumberFault | None:
        """The fault of a number in canonical form."""
        if not self.min_length <= len(number) <= self.max_length or not _compiled(self.pattern).fullmatch(number):
            return "shape"
        return None if check_of(self.check_rule)(number) else "check_digit"

    @property
    def shape(self) -> NumberPattern:
        return number_pattern(self.pattern)

    @property
    def hides_lost_zeros(self) -> bool:
        """Whether a number that has lost the zeros it began with may be another number that fits."""
        return self.min_length < self.max_length and "0" in self.shape.first

    def described(self, language: str) -> dict[str, str]:
        """What a sentence about these numbers says: their label, their length and an example."""
        least, most = self.min_length, self.max_length
        length = f"{least}" if least == most else f"{least}–{most}"
        return {"label": self.label.in_language(language), "length": length, "example": self.example}


@lru_cache(maxsize=1_024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(number_pattern(pattern).inside)


def canonical(typed: str) -> str:
    """A number as it is kept: full-width forms in ASCII, in capitals, without the spaces between printed groups."""
    return typed.translate(_PRINTED)


def declared(written: CustomerParameters) -> CustomerParameters | DeclarationFault:
    """A declaration as it is kept, with its anchors, or what is wrong with it."""
    if not all(is_arabic(words) for words in (written.label.kk, written.label.ug)):
        return "label"
    try:
        shape = number_pattern(written.pattern)
    except NotAPattern:
        return "pattern"
    if not shape.least <= written.min_length <= written.max_length <= shape.most:
        return "length"
    if not shape.characters <= CHARACTERS[written.check_rule]:
        return "check_rule"
    if written.check_rule == CheckRule.MOD_97_10 and not shape.last_two <= DIGITS:
        return "check_rule"
    kept = written.model_copy(update={"pattern": shape.text, "example": canonical(written.example)})
    return "example" if kept.fault(kept.example) else kept


TEN_DIGITS = CustomerParameters(
    label=NumberLabel(zh="户号", en="Account number", kk="تۇتىنۋشى ٴنومىرى", ug="ئابونت نومۇرى"),
    pattern="^[0-9]{10}$",
    min_length=10,
    max_length=10,
    check_rule=CheckRule.MOD_11_10,
    example="1234567897",
)
"""The rule for all companies before they declared their own; it stays with those that declare none."""


class NumberDoesNotFit(Problem):
    """Base of refusals of a number: says what the company's numbers look like, with its label for the reader."""

    def __init__(self, parameters: CustomerParameters, **values: str) -> None:
        names = ("pattern", "min_length", "max_length", "example")
        super().__init__(**values, **{name: getattr(parameters, name) for name in names})
        self._parameters = parameters

    def render(self, language: str) -> dict[str, Any]:
        self.values = {**self.values, **self._parameters.described(language)}
        return super().render(language)
