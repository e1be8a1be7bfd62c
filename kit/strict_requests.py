"""Requests that are understood in one way: query parameters that the operation has, and JSON without repetitions."""

import json

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from chassis.problems import MalformedJson, Problem
from kit.json_members import DuplicateMemberError, members
from kit.query_parameters import only_known_parameters


class MemberRepeated(Problem):
    status, code = 400, "member_repeated"


def strict(*routers: APIRouter) -> APIRouter:
    """The routers as one, in which every operation refuses unknown parameters of a GET and JSON of two readings."""
    checked = APIRouter(dependencies=[Depends(_understood_in_one_way)])
    for router in routers:
        checked.include_router(router)
    return checked


async def _understood_in_one_way(request: Request) -> None:
    route = request.scope["route"]
    if request.method == "GET":
        # Pages are opened by scanners and messengers, which add parameters of their own.
        if request.scope["query_string"] and route.response_class is not HTMLResponse:
            await only_known_parameters(request)
        return
    takes_json = route.body_field is not None and _is_json(request.headers.get("content-type", ""))
    if takes_json and (body := await request.body()):  # FastAPI has read it, at most x-max-body-bytes
        require_one_reading(body)


def _is_json(media_type: str) -> bool:
    essence = media_type.partition(";")[0].strip().lower()
    return essence == "application/json" or essence.endswith("+json")


def require_one_reading(body: bytes) -> None:
    """Parse a body that has been parsed before, to see what a dict does not show.

    Raises:
        MemberRepeated
        MalformedJson: a number that is no JSON, such as NaN.
    """
    try:
        json.loads(body, object_pairs_hook=members, parse_constant=_refuse)
    except DuplicateMemberError as repeated:
        # A lone surrogate is a legal escape in JSON and cannot be answered as UTF-8.
        name = str(repeated)[:40].encode(errors="replace").decode()
        raise MemberRepeated(member=name) from None


def _refuse(_name: str) -> None:
    raise MalformedJson
