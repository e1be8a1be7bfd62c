import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel

from svc_identity.fields import IdNumber, Name

# Keyboards write the dot between the parts of a name in many ways; the registry knows one.
_DOTS = str.maketrans(dict.fromkeys("•・･⋅‧∙．", "·"))
_BETWEEN_LETTERS = frozenset("· .-'’")


def _name(value: str) -> str:
    name = value.translate(_DOTS)
    if not all(unicodedata.category(character)[0] in "LM" or character in _BETWEEN_LETTERS for character in name):
        raise ValueError("a name is made of letters")
    return name


class Proof(BaseModel):
    """The claimed name and ID number."""

    name: Annotated[Name, AfterValidator(_name)]
    id_number: IdNumber
