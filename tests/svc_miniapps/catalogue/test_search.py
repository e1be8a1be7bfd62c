"""Apps are found by a part of a name in Chinese, by pinyin, in Kazakh and Uyghur, however keyboards write them."""

from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import text

from chassis.db import Database
from svc_miniapps.catalogue.entries import Entry
from svc_miniapps.catalogue.names import Names
from svc_miniapps.publishing.listings.search_words import folded, search_words
from tests.svc_miniapps.stage import YINING, Json, Stage, outcome


async def found(stage: Stage, search: str, **query: str) -> list[str]:
    return [item["name"] for item in await stage.catalogue(search=search, **query)]


@pytest.mark.parametrize(
    "search", ["停车", "车泊", "停 车", "tcbw", "TCBW", "ｔｃ", "tingche", "ting che bo", "停车泊位"]
)
async def test_a_part_of_a_name_or_of_its_pinyin_finds_it(stage: Stage, search: str) -> None:
    for name in ("停车泊位", "公交到站"):
        await stage.published(await stage.registered(name=name))
    assert await found(stage, search) == ["停车泊位"]


@pytest.mark.parametrize("search", ["公园", "xyz", "%", "_", "…", "泊停"])
async def test_what_is_in_no_name_finds_nothing(stage: Stage, search: str) -> None:
    await stage.published(await stage.registered())
    assert await found(stage, search) == []


@pytest.mark.parametrize(
    ("name", "search"),
    [
        ("كولىك توقتاتۋ", "کولیک"),  # Persian kaf and yeh
        ("ٴبىلىم", "بىلىم"),  # Kazakh hamza left out
        ("بىلىم", "ٴبىلىم"),
        ("ٴۇي", "ۇي"),
        ("ئاپتوبۇس", "اپتوبۇس"),  # Uyghur carrier left out
        ("ئاپتوبۇس بېكىتى", "ئاپتوبۇسبېكىتى"),
        ("پارا\u200cخوت", "پاراخوت"),  # a joiner that nobody sees
        ("مەكـتەپ", "مەكتەپ"),  # tatweel
        ("\ufe8e\ufe91", "اب"),  # presentation forms
    ],
)
def test_letters_that_keyboards_write_differently_are_one(name: str, search: str) -> None:
    assert folded(search)
    assert folded(search) in search_words([name])


async def test_texts_and_search_are_in_the_languages_of_the_app(stage: Stage, database: Database) -> None:
    await stage.published(await stage.registered())
    texts = '{"zh": {"name": "停车泊位"}, "kk-Arab": {"name": "كولىك توقتاتۋ", "short_description": "ورىن"}}'
    words = search_words(["停车泊位", "كولىك توقتاتۋ"])
    async with database.transaction() as tx:
        await tx.execute(
            text("UPDATE listings SET texts = CAST(:t AS jsonb), search_words = :w"), {"t": texts, "w": words}
        )
    await stage.registered(name="图书馆")  # the copy is read anew
    shown: dict[str, Json] = {}
    for tag in ("kk-Arab", "kk-Arab-CN", "ug", "zh-Hans-CN"):
        (shown[tag],) = await stage.catalogue(language=tag, search="توقتات")
    names = {tag: (item["language"], item["name"], item["short_description"]) for tag, item in shown.items()}
    kazakh, chinese = ("kk-Arab", "كولىك توقتاتۋ", "ورىن"), ("zh", "停车泊位", "查看附近的停车泊位")
    assert names == {"kk-Arab": kazakh, "kk-Arab-CN": kazakh, "ug": chinese, "zh-Hans-CN": chinese}


async def test_apps_that_do_not_speak_a_language_can_be_left_out(stage: Stage) -> None:
    await stage.published(await stage.registered(name="停车泊位", languages=["zh-Hans"]))
    await stage.published(await stage.registered(name="公交到站", languages=["zh-Hans", "ug"]))
    only = {"language": "ug", "only_in_language": "true"}
    assert [item["name"] for item in await stage.catalogue(**only)] == ["公交到站"]
    assert len(await stage.catalogue(language="ug")) == 2


async def test_apps_for_a_newer_platform_are_left_out(stage: Stage, database: Database) -> None:
    await stage.published(await stage.registered())
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE listings SET min_platform_code = 5"))
    await stage.registered(name="图书馆")
    assert await stage.catalogue(platform_version="4") == []
    (listing,) = await stage.catalogue(platform_version="5")
    assert listing["min_platform_code"] == 5


@pytest.mark.parametrize(
    "query",
    [
        {"search": ""},
        {"search": "x" * 41},
        {"search": "a\u0000b"},
        {"language": "x"},
        {"language": "zh-" + "a" * 40},
        {"platform_version": "0"},
        {"platform_version": "9999999999"},
        {"only_in_language": "perhaps"},
    ],
)
async def test_a_query_out_of_bounds_is_refused(stage: Stage, query: dict[str, str]) -> None:
    answer = await stage.api.get("/miniapps/v1/catalogue", params={"division_code": YINING, **query})
    assert outcome(answer) == (422, "invalid_request")


async def test_long_answers_are_compressed_with_a_tag_of_their_own(stage: Stage) -> None:
    for number in range(4):
        await stage.published(await stage.registered(name=f"应用{number}"))
    tags = set()
    for accepted, coding in (("identity", None), ("gzip", "gzip"), ("gzip, zstd", "zstd"), ("zstd;q=0, gzip", "gzip")):
        headers = {"Accept-Encoding": accepted}
        answer = await stage.api.get("/miniapps/v1/catalogue", params={"division_code": YINING}, headers=headers)
        assert answer.headers.get("content-encoding") == coding
        assert answer.headers["vary"] == "Accept-Encoding"
        assert len(answer.json()["items"]) == 4
        tags.add(answer.headers["etag"])
        known = headers | {"If-None-Match": answer.headers["etag"]}
        again = await stage.api.get("/miniapps/v1/catalogue", params={"division_code": YINING}, headers=known)
        assert (again.status_code, again.content) == (304, b"")
    assert len(tags) == 3


def test_the_index_finds_what_looking_at_each_name_finds() -> None:
    words = ["tingche 停车", "", "公交 gongjiao gj", "停", "图书馆 tushuguan tsg", "gj"]
    entries = cast("list[Entry]", [SimpleNamespace(search_words=each) for each in words])
    names = Names(entries)
    for part in ("停", "gj", "t", "g", "停车", "公交", "nothing", "", "cheg", "车公"):
        expected = [entry for entry in entries if part and part in entry.search_words]
        assert list(names.matching(part)) == expected
    assert list(Names([]).matching("停")) == []
