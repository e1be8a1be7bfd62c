"""The texts of a template in the reader's language."""

from typing import Any

from chassis.problems import DEFAULT_LANGUAGE
from chassis.text import nearest_tag
from svc_miniapps.runtime.templates.models import MessageTemplate


def text_for(template: MessageTemplate, language: str | None) -> dict[str, Any]:
    """The text that fits a reader best; Chinese where none does."""
    texts: dict[str, dict[str, Any]] = {text["language"]: text for text in template.texts}
    known = frozenset(texts)
    tag = (nearest_tag(language, known) if language else None) or nearest_tag(DEFAULT_LANGUAGE, known)
    return texts[tag] if tag else template.texts[0]
