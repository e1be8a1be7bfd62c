"""What something is called, in the languages of the prefecture."""

import unicodedata
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis.text import Line

Words = Annotated[Line, Field(max_length=60)]
Sentence = Annotated[Line, Field(max_length=500)]


class Label(BaseModel):
    """What something is called, in the languages of the prefecture."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    zh: Words
    en: Words
    kk: Words
    """Kazakh, in Arabic script."""
    ug: Words

    @model_validator(mode="after")
    def _require_arabic_script(self) -> "Label":
        if not all(is_arabic(words) for words in (self.kk, self.ug)):
            raise ValueError("kk and ug must be in Arabic script")
        return self


class Note(BaseModel):
    """A sentence or two in the languages of the prefecture."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    zh: Sentence
    en: Sentence
    kk: Sentence
    """Kazakh, in Arabic script."""
    ug: Sentence

    @model_validator(mode="after")
    def _require_arabic_script(self) -> "Note":
        # Numbers of documents and names of units may stand in a sentence in letters of their own.
        if not all(any(map(is_arabic, words.split())) for words in (self.kk, self.ug)):
            raise ValueError("kk and ug must be in Arabic script")
        return self


def is_arabic(words: str) -> bool:
    """Whether words are in Arabic script, letter by letter."""
    letters = [character for character in words if character.isalpha()]
    return bool(letters) and all(unicodedata.name(letter, "").startswith("ARABIC") for letter in letters)
