"""The documents that people agree to: whole in every language, by version, as JSON and as a page."""

import httpx
import pytest

from svc_identity.people.agreements.documents import DocumentName, document, version_in_force, versions
from svc_identity.people.consents.activities import RECORDS, Activity

AGREEMENTS = "/identity/v1/agreements"
PAGES = "/identity/v1/oauth/agreements"
TAGS = ("zh", "en", "kk-Arab", "ug")


@pytest.mark.parametrize("name", DocumentName)
def test_every_version_has_the_same_sections_in_every_language(name: DocumentName) -> None:
    for version in versions():
        shapes = set()
        for tag in TAGS:
            found = document(name, version, tag)
            assert found is not None
            assert found.language == tag
            shapes.add(tuple((bool(part.heading), len(part.paragraphs)) for part in found.sections))
        assert len(shapes) == 1, (name, version)


async def test_the_documents_are_listed_and_read_in_the_readers_language(api: httpx.AsyncClient) -> None:
    listed = (await api.get(AGREEMENTS)).json()
    assert listed["version"] == version_in_force() == listed["versions"][-1]
    for name in listed["documents"]:
        answer = await api.get(f"{AGREEMENTS}/{name}/{listed['version']}", headers={"Accept-Language": "ug, zh;q=0.5"})
        assert (answer.json()["language"], answer.headers["content-language"]) == ("ug", "ug")
        assert answer.json()["in_force"] is True


async def test_an_unknown_version_or_document_is_not_found(api: httpx.AsyncClient) -> None:
    for path in ("privacy_notice/1999-01-01", "privacy_notice/..%2F..", "privacy_notice/%00"):
        assert (await api.get(f"{AGREEMENTS}/{path}")).status_code == 404
    assert (await api.get(f"{AGREEMENTS}/terms/{version_in_force()}")).status_code == 422


@pytest.mark.parametrize(("tag", "direction"), [("zh", "ltr"), ("kk-Arab", "rtl")])
async def test_each_document_is_a_page_that_loads_nothing(api: httpx.AsyncClient, tag: str, direction: str) -> None:
    for name in DocumentName:
        page = await api.get(f"{PAGES}/{name}/{version_in_force()}?ui_locales={tag}")
        found = document(name, version_in_force(), tag)
        assert found is not None
        assert f'<html lang="{tag}" dir="{direction}">' in page.text
        assert all(part.heading in page.text for part in found.sections)
        assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_a_browser_gets_a_page_for_an_unknown_version(api: httpx.AsyncClient) -> None:
    answer = await api.get(f"{PAGES}/privacy_notice/1999-01-01", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


async def test_what_is_processed_is_listed_with_ground_and_retention(api: httpx.AsyncClient) -> None:
    listed = (await api.get("/identity/v1/processing-activities")).json()["items"]
    assert [each["activity"] for each in listed] == [*Activity] == [*RECORDS]
    assert all(each["article"] and each["retention"] and each["data"] for each in listed)
    sensitive = {each["activity"]: each["ground"] for each in listed if "id_number" in each["data"]}
    assert sensitive == dict.fromkeys(
        ("identity_proofing", "face_verification", "network_certificate"), "separate_consent"
    )
