"""How far a role reaches: everywhere where it is held for the whole, else the division in which it is held."""

from collections.abc import Collection
from dataclasses import replace

from fastapi import Request

from chassis.auth import Caller, TokenRule
from kit.fields.divisions import WHOLE
from kit.staff.refusals import NotYourDivision


def reaches(held_in: str | None, divisions: Collection[str]) -> bool:
    """Whether a role reaches all of these divisions; one without a division reaches every one."""
    return held_in in {None, WHOLE} or set(divisions) == {held_in}


def divisions_of(caller: Caller, *roles: str) -> set[str] | None:
    """The divisions that the caller reaches by these roles; None where that is every one."""
    held = {each.division_code for each in caller.memberships_as(*roles)}
    return None if held & {None, WHOLE} else {each for each in held if each}


def acting_in(caller: Caller, divisions: Collection[str], *roles: str) -> Caller:
    """The caller with those of these roles alone that reach all divisions concerned.

    Raises:
        NotYourDivision: none does.
    """
    kept = [each for each in caller.memberships if each.role not in roles or reaches(each.division_code, divisions)]
    acting = replace(caller, memberships=tuple(kept))
    if not acting.memberships_as(*roles):
        raise NotYourDivision(division_code=", ".join(sorted(divisions)))
    return acting


class WholeRule(TokenRule):
    """Requires a role that is held for the whole: for what belongs to no division."""

    async def __call__(self, request: Request) -> Caller:
        return acting_in(await super().__call__(request), [WHOLE], *self._roles)


def allow_of_whole(*, scope: str, role: str | tuple[str, ...]) -> WholeRule:
    """Require a person of level 2 with one of these roles, held for the whole."""
    roles = (role,) if isinstance(role, str) else role
    return WholeRule(kind="person", scope=scope, assurance_level=2, roles=roles)
