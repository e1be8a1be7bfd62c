"""Refusals of a service in the language of whoever reads them."""

import httpx
import pytest

from chassis.db import new_id
from chassis.testing import Tokens, once
from tests.chassis.test_service import api

__all__ = ["api"]


@pytest.mark.parametrize(
    ("accept_language", "language", "title"),
    [
        ("en-GB,zh;q=0.5", "en", "Not found"),
        ("kk, zh-CN;q=0.9", "kk-Arab", "تابىلمادى"),
        ("kk-Arab-CN", "kk-Arab", "تابىلمادى"),
        ("kk-Cyrl-KZ, ru;q=0.9", "kk-Arab", "تابىلمادى"),
        ("zh;q=0.5, ug-CN", "ug", "تېپىلمىدى"),
        ("fr, *;q=0.5", "zh", "未找到"),
        ("", "zh", "未找到"),
        (";;q=x", "zh", "未找到"),
    ],
)
async def test_problems_speak_the_readers_language(
    api: httpx.AsyncClient, accept_language: str, language: str, title: str
) -> None:
    answer = await api.get("/nowhere", headers={"Accept-Language": accept_language})
    assert (answer.status_code, answer.json()["title"]) == (404, title)
    assert (answer.headers["content-language"], answer.headers["vary"]) == (language, "Accept-Language")


@pytest.mark.parametrize(
    ("accept_language", "text", "reason"),
    [
        ("zh", 7, "应为字符串"),
        ("en", 7, "Input should be a valid string"),
        ("kk", 7, "ٴماتىن بولۋى كەرەك"),
        ("ug", 7, "تېكىست بولۇشى كېرەك"),
        ("zh", "", "至少 1 个字符"),
        ("ug", "", "ئەڭ ئاز \u20681\u2069 بەلگە"),
        ("en", "", "Input should have at least 1 character(s)"),
        ("zh", "verse", "notes are prose"),  # our own sentence, which the package has not translated
    ],
)
async def test_the_reason_of_each_fault_is_in_the_readers_language(
    api: httpx.AsyncClient, tokens: Tokens, accept_language: str, text: object, reason: str
) -> None:
    headers = tokens.resident() | once() | {"Accept-Language": accept_language}
    answer = await api.post("/notes/v1/notes", json={"text": text}, headers=headers)
    assert answer.json()["errors"] == [{"at": "body/text", "reason": reason}]


async def test_who_may_call_is_in_the_readers_language(api: httpx.AsyncClient, tokens: Tokens) -> None:
    headers = tokens.client(new_id(), "bills") | once()
    spoken = {
        "zh": "令牌含 bills 权限的认证等级不低于 2 的个人",
        "en": "person at assurance level 2 with scope bills",
        "kk-Arab": "bills رۇقساتى بار راستاۋ دارەجەسى 2 نە ودان جوعارى جەكە ادام",
        "ug": "bills ھوقۇقى بار دەلىللەش دەرىجىسى 2 ياكى ئۇنىڭدىن يۇقىرى شەخس",
    }
    for language, callers in spoken.items():
        answer = await api.post("/notes/v1/notes", json={"text": "a"}, headers=headers | {"Accept-Language": language})
        assert (answer.status_code, answer.json()["who_may_call"]) == (403, callers)
        assert callers in answer.json()["detail"]
