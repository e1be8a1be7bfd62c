"""The registries stand-in, as a process."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from stdnum.cn import uscc as uscc_library
from stdnum.iso7064 import mod_11_2

from tests.deploy.sandboxes.processes import Sandbox


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registries")


@pytest.fixture(scope="module")
def registries(folder: Path) -> Iterator[httpx.Client]:
    with Sandbox("registries", folder).running() as client:
        yield client


def id_number(first_seventeen: str) -> str:
    return first_seventeen + mod_11_2.calc_check_digit(first_seventeen)


def verify(registries: httpx.Client, name: str, number: str) -> str:
    answer = registries.post("/population/verify", json={"name": name, "id_number": number})
    assert answer.status_code == 200
    return str(answer.json()["result"])


def look_up(registries: httpx.Client, uscc: str) -> str:
    answer = registries.post("/legal-entities/lookup", json={"uscc": uscc})
    assert answer.status_code == 200
    return str(answer.json()["result"])


def test_a_person_is_on_record_under_the_first_name_only(registries: httpx.Client) -> None:
    number = id_number("65400219900101001")
    assert verify(registries, "测试居民", number) == "match"
    assert verify(registries, "张三", number) == "no_match"
    assert verify(registries, " 测试居民 ", number) == "match"


def test_a_person_is_renamed(registries: httpx.Client) -> None:
    number = id_number("65400219900101006")
    renaming = {"name": "王五", "id_number": number}
    assert registries.post("/population/rename", json=renaming).json() == {"renamed": False}
    assert verify(registries, "测试居民", number) == "match"
    assert registries.post("/population/rename", json=renaming).json() == {"renamed": True}
    assert verify(registries, "测试居民", number) == "no_match"
    assert verify(registries, "王五", number) == "match"


def test_the_record_survives_a_crash_of_the_process(tmp_path: Path) -> None:
    number, sandbox = id_number("65402219850607002"), Sandbox("registries", tmp_path)
    with sandbox.running() as registries:
        assert verify(registries, "测试居民", number) == "match"
    with sandbox.running() as registries:
        assert verify(registries, "张三", number) == "no_match"


@pytest.mark.parametrize(
    "first_seventeen",
    ["11010119000101001", "81000019991231999", "83000020000229001", "65902920240229001", "96539819850101001"],
)
def test_every_division_and_real_date_has_a_record(registries: httpx.Client, first_seventeen: str) -> None:
    assert verify(registries, "测试居民", id_number(first_seventeen)) == "match"


TOMORROW = f"{datetime.now(UTC) + timedelta(days=2):%Y%m%d}"


@pytest.mark.parametrize(
    "number",
    [
        id_number("65400219900101003")[:17],
        id_number("65400219900101003") + "0",
        id_number("65400219900230003"),
        id_number("65400219010229003"),
        id_number(f"654002{TOMORROW}003"),
        id_number("65400218991231003"),
        id_number("99400219900101003"),
        id_number("00400219900101003"),
        "６５４００２１９９００１０１００３１",
    ],
)
def test_a_number_that_cannot_exist_has_no_record(registries: httpx.Client, number: str) -> None:
    assert verify(registries, "测试居民", number) == "no_record"


def test_only_one_check_character_is_right(registries: httpx.Client) -> None:
    number = id_number("65400219900101004")
    others = {number[:17] + character for character in "0123456789Xx"} - {number}
    assert {verify(registries, "测试居民", other) for other in others} == {"no_record"}


@pytest.mark.parametrize(
    ("organisation_code", "result"),
    [("MA0000001", "active"), ("123456789", "active"), ("MA0000000", "no_record"), ("MA0009999", "revoked")],
)
def test_legal_entities_by_the_rule_of_the_sandbox(
    registries: httpx.Client, organisation_code: str, result: str
) -> None:
    first_seventeen = f"91654002{organisation_code}"
    number = first_seventeen + uscc_library.calc_check_digit(first_seventeen)
    assert look_up(registries, number) == result
    others = {first_seventeen + character for character in "0123456789ABCDEFGHJKLMNPQRTUWXY"} - {number}
    assert {look_up(registries, other) for other in others} == {"no_record"}


@pytest.mark.parametrize("uscc", ["91654002MA0000001", "9165400IMA00000012", "９１６５４００２ＭＡ０００００１Ｘ"])
def test_what_is_no_uscc_has_no_record(registries: httpx.Client, uscc: str) -> None:
    assert look_up(registries, uscc) == "no_record"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/population/verify", {"name": "测试居民"}),
        ("/population/verify", {"name": "", "id_number": "1"}),
        ("/population/verify", {"name": "测试居民", "id_number": ""}),
        ("/population/verify", {"name": "\ud800", "id_number": "1"}),
        ("/population/verify", {"name": "测试\u0000居民", "id_number": "1"}),
        ("/population/verify", {"name": 1, "id_number": "1"}),
        ("/legal-entities/lookup", {"uscc": None}),
        ("/legal-entities/lookup", {}),
    ],
)
def test_a_question_without_its_fields_is_refused(registries: httpx.Client, path: str, body: dict[str, object]) -> None:
    answer = registries.post(path, content=json.dumps(body))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_it_fails_on_command(registries: httpx.Client) -> None:
    registries.post("/faults", json={"unavailable": 2})
    question = {"name": "测试居民", "id_number": id_number("65400219900101005")}
    answers = [registries.post("/population/verify", json=question).status_code for _ in range(3)]
    assert answers == [503, 503, 200]


def test_a_representative_is_the_first_person_asked_about_until_another_is_appointed(registries: httpx.Client) -> None:
    first = {"name": "测试居民", "id_number": id_number("65400219900101007")}
    other = {"name": "张三", "id_number": id_number("65400219900101008")}

    active = "91654002000012345" + uscc_library.calc_check_digit("91654002000012345")

    def represents(officer: dict[str, str], uscc: str = active) -> str:
        answer = registries.post("/legal-entities/representative", json={"uscc": uscc, **officer})
        return str(answer.json()["result"])

    assert (represents(first), represents(other)) == ("match", "no_match")
    assert registries.post("/legal-entities/appoint", json={"uscc": active, **other}).json() == {"appointed": True}
    assert (represents(first), represents(other)) == ("no_match", "match")
    assert represents(first, "91654002000000000X") == "no_record"
