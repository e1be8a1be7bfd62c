"""The seven categories and the divisions are part of the service."""

from chassis.db import Database
from svc_miniapps.starter import load_starter_data
from tests.svc_miniapps.stage import Stage


async def test_the_seven_categories_in_both_languages_and_their_order(stage: Stage) -> None:
    answer = (await stage.api.get("/miniapps/v1/categories")).json()
    assert [(item["code"], item["name_zh"]) for item in answer["items"]] == [
        ("government", "政务服务"),
        ("transport", "交通出行"),
        ("daily_life", "便民生活"),
        ("health", "智慧医疗"),
        ("culture_tourism", "智慧文旅"),
        ("finance", "便民金融"),
        ("county_showcase", "县市风采"),
    ]
    assert all(item["name_en"] for item in answer["items"])
    assert answer["next_cursor"] is None


async def test_starter_data_may_be_loaded_again(database: Database) -> None:
    assert await load_starter_data(database) == (12, 7)
    assert await load_starter_data(database) == (12, 7)
