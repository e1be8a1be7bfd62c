"""The words on receipts and on the page that verifies them, in every language that has a file in `words/`."""

from pathlib import Path

from chassis.problems import DEFAULT_LANGUAGE
from kit import words
from kit.words import Words

_FOLDER = Path(__file__).parent / "words"


def words_in(language: str) -> Words:
    return words.catalogues(_FOLDER)[language]


def languages() -> frozenset[str]:
    return frozenset(words.catalogues(_FOLDER))


def choose(accept_language: str) -> str:
    return words.choose(languages(), accept_language)


def bilingual(key: str, language: str) -> dict[str, str]:
    """A text in Chinese, which every office here reads, and also in the reader's language if that differs."""
    chinese = {"zh": words_in(DEFAULT_LANGUAGE)[key]}
    if language == DEFAULT_LANGUAGE:
        return chinese
    other = words_in(language)
    return {**chinese, "other": other[key], "language": other["tag"], "direction": other["direction"]}


def name_of(group: str, value: str) -> str:
    """The key of a value's name; an unknown value gets the general word of its group."""
    key = f"{group}_{value}"
    return key if key in words_in(DEFAULT_LANGUAGE) else f"{group}_other"
