"""The words on papers and on the page that verifies them, in every language that has a file in `words/`."""

from pathlib import Path

from chassis.problems import DEFAULT_LANGUAGE
from kit import words
from kit.fields.labels import Label
from kit.words import Words

_FOLDER = Path(__file__).parent / "words"
Said = dict[str, str]


def words_in(language: str) -> Words:
    return words.catalogues(_FOLDER)[language]


def choose(accept_language: str) -> str:
    return words.choose(words.catalogues(_FOLDER), accept_language)


def bilingual(key: str, language: str) -> Said:
    """A text in Chinese, which every office here reads, and also in the reader's language if that differs."""
    return _both(words_in(DEFAULT_LANGUAGE)[key], words_in(language)[key], language)


def bilingual_label(label: Label | None, name: str, language: str) -> Said:
    """The same of a label of a workflow; something without one is called by its name."""
    if label is None:
        return {"zh": name}
    return _both(label.zh, getattr(label, language.partition("-")[0]), language)


def _both(chinese: str, other: str, language: str) -> Said:
    if language == DEFAULT_LANGUAGE:
        return {"zh": chinese}
    spoken = words_in(language)
    return {"zh": chinese, "other": other, "language": spoken["tag"], "direction": spoken["direction"]}
