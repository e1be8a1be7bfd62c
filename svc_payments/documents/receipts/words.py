"""The words on receipts and on the page that verifies them, in every language that has a file in `words/`."""

import json
from functools import cache
from pathlib import Path

from chassis.problems import DEFAULT_LANGUAGE, preferred_language

Words = dict[str, str]
_MOST_ASKED = 200


@cache
def words_in(language: str) -> Words:
    words: Words = json.loads((Path(__file__).parent / "words" / f"{language}.json").read_text("utf-8"))
    return words


@cache
def languages() -> frozenset[str]:
    return frozenset(file.stem for file in (Path(__file__).parent / "words").glob("*.json"))


def choose(accept_language: str) -> str:
    return preferred_language(accept_language[:_MOST_ASKED], languages())


def said(key: str, language: str) -> dict[str, str]:
    """A saying in Chinese, which every office here reads, and in the reader's language where that is another one."""
    chinese = {"zh": words_in(DEFAULT_LANGUAGE)[key]}
    if language == DEFAULT_LANGUAGE:
        return chinese
    return {**chinese, "other": words_in(language)[key], "language": language}


def name_of(group: str, value: str) -> str:
    """The key of a value's name; one that nobody has named yet is called by the group's general word."""
    key = f"{group}_{value}"
    return key if key in words_in(DEFAULT_LANGUAGE) else f"{group}_other"
