"""A misspelt filter of a public operation is refused: the answer would be about everything."""

import re

import httpx
import pytest
from fastapi import FastAPI

from chassis.auth import OpenRule, rules_by_route
from chassis.db import Database

VALUES = {"{code}": "654002"}
ANY = "01900000-0000-7000-8000-000000000000"
KNOWN = ("divisions", "utility-kinds", "providers", "signing-keys", "workflows", "tariffs", "tariff-plans")


@pytest.fixture
def database(shared_database: Database) -> Database:
    return shared_database


async def test_every_public_operation_refuses_parameters_that_it_does_not_have(
    app: FastAPI, api: httpx.AsyncClient
) -> None:
    public = [
        path
        for method, path, rules in rules_by_route(app)
        if method == "GET" and path.startswith("/services/")
        # A page is opened by scanners and messengers, which add parameters of their own.
        if path != "/services/v1/verify-paper"
        if isinstance(rules[0], OpenRule) and rules[0].who_may_call.startswith("anyone:")
    ]
    assert {f"/services/v1/{name}" for name in (*KNOWN, "customer-classes", "service-items")} <= set(public)
    for path in public:
        filled = re.sub(r"\{\w+\}", lambda name: VALUES.get(name[0], ANY), path)
        for name in ("divison_code", "Limit", "limit[]"):
            refused = await api.get(filled, params={name: "1"})
            assert (refused.status_code, refused.json()["code"]) == (422, "unknown_parameter"), path
            assert refused.json()["unknown"] == [name]
