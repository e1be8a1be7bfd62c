"""Reference data: complete, paged, and cheap to revalidate."""

import base64

import httpx
import pytest

from chassis.db import Database
from svc_services.reference.models import UtilityKind
from svc_services.starter import load_reference_data


@pytest.fixture
def database(shared_database: Database) -> Database:
    return shared_database


async def test_the_six_kinds_have_names_in_both_languages(api: httpx.AsyncClient) -> None:
    answer = await api.get("/services/v1/utility-kinds")
    entries = {entry["kind"]: entry for entry in answer.json()["items"]}
    assert set(entries) == set(UtilityKind)
    assert (entries["heating"]["name_zh"], entries["heating"]["name_en"]) == ("供热", "Heating")


async def test_divisions_are_paged_in_the_order_of_their_codes(api: httpx.AsyncClient) -> None:
    codes: list[str] = []
    cursor: str | None = ""
    pages = 0
    while cursor is not None:
        page = (await api.get("/services/v1/divisions", params={"limit": 5, "cursor": cursor})).json()
        codes += [division["code"] for division in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert (pages, len(codes)) == (3, 12)
    assert codes == sorted(set(codes))
    assert codes[0] == "654000"


async def test_townships_are_those_of_the_division(api: httpx.AsyncClient) -> None:
    items = (await api.get("/services/v1/divisions/654002/townships")).json()["items"]
    assert len(items) > 5
    assert all(item["code"].startswith("654002") and item["division_code"] == "654002" for item in items)


@pytest.mark.parametrize(("code", "status"), [("650100", 404), ("6540", 422), ("65400x", 422)])
async def test_an_unknown_division_has_no_townships(api: httpx.AsyncClient, code: str, status: int) -> None:
    assert (await api.get(f"/services/v1/divisions/{code}/townships")).status_code == status


async def test_an_unchanged_list_is_not_sent_again(api: httpx.AsyncClient) -> None:
    first = await api.get("/services/v1/divisions")
    etag = first.headers["etag"]
    assert first.headers["cache-control"].startswith("public, max-age=")
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await api.get("/services/v1/divisions", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    other_page = await api.get("/services/v1/divisions", params={"limit": 1}, headers={"If-None-Match": etag})
    assert (other_page.status_code, len(other_page.json()["items"])) == (200, 1)


@pytest.mark.parametrize(
    "cursor",
    ["x", "%%%", base64.urlsafe_b64encode(b'{"after": 7}').decode(), base64.urlsafe_b64encode(b"[]").decode()]
    + [base64.urlsafe_b64encode(text).decode() for text in (b'{"after": "\\u0000"}', b'{"after": "\\ud800"}')],
)
async def test_a_forged_cursor_is_refused(api: httpx.AsyncClient, cursor: str) -> None:
    answer = await api.get("/services/v1/divisions", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize("limit", ["0", "201", "-1", "all"])
async def test_the_page_size_is_limited(api: httpx.AsyncClient, limit: str) -> None:
    assert (await api.get("/services/v1/divisions", params={"limit": limit})).status_code == 422


async def test_loading_the_reference_data_again_changes_nothing(api: httpx.AsyncClient, database: Database) -> None:
    before = (await api.get("/services/v1/divisions")).json()
    loaded = await load_reference_data(database)
    assert loaded == "6 utility kinds, 12 divisions, 151 townships, 0 new workflows, 0 new guides"
    assert (await api.get("/services/v1/divisions")).json() == before
