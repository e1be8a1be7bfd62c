"""Beyond a limit a question stands before the code: who answers it, and what an answer is worth."""

import asyncio
import time

import httpx
import pytest
import time_machine

from svc_identity.sign_in.challenges import LIFE
from svc_identity.texts import languages
from tests.svc_identity.app_client import AppClient, Page
from tests.svc_identity.conftest import new_phone
from tests.svc_identity.sign_in.questions.answers import asked, computed, in_digits, post
from tests.svc_identity.sign_in.questions.conftest import At

LINE, OTHER_LINE = "203.0.113.1", "203.0.113.2"


async def question(at: At, phone: str, line: str = LINE, **changes: str) -> tuple[AppClient, httpx.Response]:
    """A browser that is asked, because its line has had its codes."""
    for _ in range(2):
        await asked(at(line), new_phone())
    client = at(line)
    answer = await asked(client, phone, **changes)
    assert (answer.status_code, 'id="question"' in answer.text) == (429, True)
    return client, answer


@pytest.mark.parametrize("tag", ["zh", "en", "kk-Arab", "ug"])
async def test_whoever_reads_it_and_types_the_digits_gets_a_code(at: At, phone: str, tag: str) -> None:
    client, page = await question(at, phone, ui_locales=tag)
    assert languages()[tag]["question_title"] in page.text
    assert 3_500 < int(page.headers["retry-after"]) <= 3_600
    sent = await post(client, page, answer=in_digits(page, tag))
    assert sent.status_code == 303, sent.text
    code = await client.texted_code(phone)
    form = Page(await client.api.get(sent.headers["location"]))
    assert (await client.type_code(form, code)).headers["location"].startswith("myili://callback?code=")


async def test_digits_of_other_scripts_and_groups_are_the_same(at: At, phone: str) -> None:
    client, page = await question(at, phone)
    digits = in_digits(page).translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    assert (await post(client, page, answer=f"{digits[:2]} {digits[2:]}")).status_code == 303


async def test_a_script_that_computes_gets_a_code(at: At, phone: str) -> None:
    client, page = await question(at, phone)
    assert (await post(client, page, work=computed(page))).status_code == 303
    assert await client.texted_code(phone)


@pytest.mark.parametrize("work", ["", "-1", "x", "９", "1" * 21, "too few bits"])
async def test_too_little_work_is_no_answer(at: At, phone: str, work: str) -> None:
    client, page = await question(at, phone)
    refused = await post(client, page, work=computed(page, bits=15) if work == "too few bits" else work)
    assert (refused.status_code, 'id="question"' in refused.text) == (429, True)


async def test_one_wrong_answer_uses_the_question_up(at: At, phone: str) -> None:
    client, page = await question(at, phone)
    refused = await post(client, page, answer="00000")
    assert languages()["zh"]["question_wrong"] in refused.text
    assert (await post(client, page, answer=in_digits(page))).status_code == 429
    assert (await post(client, refused, answer=in_digits(refused))).status_code == 303


async def test_an_answer_is_worth_nothing_elsewhere_or_later(at: At, phone: str) -> None:
    client, page = await question(at, phone)
    right = in_digits(page)
    other_line, _ = await question(at, new_phone(), OTHER_LINE)
    fields = Page(page).forms[0].fields
    own_token = (await other_line.begin()).forms[0].fields["form_token"]
    assert (await post(client, page, answer=right, phone=new_phone())).status_code == 429
    form = Page(page).forms[0]
    moved = {**fields, "form_token": own_token, "answer": right}
    assert (await other_line.api.post(form.action, data=moved)).status_code == 429
    with time_machine.travel(time.time() + LIFE.total_seconds() + 1):
        assert (await post(client, page, answer=right)).status_code == 429
    assert (await post(client, page, answer=right)).status_code == 303


async def test_of_many_posts_at_once_with_one_answer_one_sends_a_code(at: At, phone: str) -> None:
    client, page = await question(at, phone)
    right = in_digits(page)
    answers = await asyncio.gather(*(post(client, page, answer=right) for _ in range(8)))
    sent = [each for each in answers if each.status_code == 303]
    assert len({each.headers["location"] for each in sent}) == 1
    messages = (await client.sms.get("/messages", params={"phone": phone})).json()["items"]
    assert len(messages) == 1


async def test_a_second_tap_goes_where_the_first_one_went(at: At, phone: str) -> None:
    client, page = await question(at, phone)
    right = in_digits(page)
    first, second = await post(client, page, answer=right), await post(client, page, answer=right)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"] == second.headers["location"]


async def test_it_stands_before_the_next_code_of_a_sign_in_too(at: At, phone: str) -> None:
    client = at(LINE)
    page = Page(await client.api.get((await asked(client, phone)).headers["location"]))
    await asked(at(LINE), new_phone())
    await asyncio.sleep(1)
    form = page.forms[-1]
    refused = await client.api.post(form.action, data=form.fields)
    assert (refused.status_code, Page(refused).forms[0].action) == (429, form.action)
    before = await client.texted_code(phone)
    again = await post(client, refused, work=computed(refused))
    assert (again.status_code, again.headers["location"]) == (303, form.action.removesuffix("/codes"))
    assert (await client.sms.get("/messages", params={"phone": phone})).json()["items"][1]["params"]["code"] == before
