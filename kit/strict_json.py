"""JSON that all readers understand alike.

Of two members with one name, readers take the first, the last or both; NaN and Infinity are no JSON, and Python reads
them.
"""

import json
from typing import TypeVar

from pydantic import BaseModel

from kit.json_members import members

Answer = TypeVar("Answer", bound=BaseModel)


def answer_of(kind: type[Answer], content: bytes) -> Answer:
    """The answer of an outside system.

    Raises:
        ValueError: it is not JSON in UTF-8, can be read in two ways, or is not of this kind.
    """
    try:
        json.loads(content.decode("utf-8"), object_pairs_hook=members, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return kind.model_validate_json(content)


def _refuse(name: str) -> None:
    raise ValueError(name)
