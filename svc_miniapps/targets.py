"""Platforms beside that of the W3C package for which an app can be built."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field


class Target(StrEnum):
    HARMONY = "harmony"
    """An atomic service of HarmonyOS."""


W3C = "w3c"
"""The package as it is, for every platform that runs W3C mini-apps."""


def _once_each(targets: list[Target]) -> list[Target]:
    if len(set(targets)) < len(targets):
        raise ValueError("must not name a value twice")
    return targets


Targets = Annotated[list[Target], Field(max_length=len(Target)), AfterValidator(_once_each)]


def platforms_of(targets: Sequence[str] | None) -> list[str]:
    """The platforms on which a package runs that was checked for these targets."""
    return [W3C, *(targets or ())]
