"""What people read on pages of this service, one file per language."""

from pathlib import Path

from kit import words

_FOLDER = Path(__file__).parent


def languages() -> dict[str, words.Words]:
    """The texts of all languages by the names of their files; Chinese first."""
    return words.catalogues(_FOLDER)


def choose_language(ui_locales: str, accept_language: str) -> str:
    """The first language we have: of the app's `ui_locales`, else of the browser's Accept-Language, else Chinese."""
    return words.choose(languages(), accept_language, ui_locales)
