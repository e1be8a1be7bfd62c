"""Pages that refuse for a while say in `Retry-After` when they will not, and then they do not."""

import httpx

from tests.svc_identity.app_client import AppClient, Page
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.identities import id_number
from tests.svc_identity.sign_in.phone_changes.changing import CHANGES, begun, code_of, confirm, later, resident
from tests.svc_identity.sign_in.phone_changes.on_pages import codes_page, identity_of, start, submit
from tests.svc_identity.sign_in.test_changed_hands import QUIET, former, prove, question


def wait_of(answer: httpx.Response) -> int:
    assert answer.status_code == 429, answer.text
    seconds = int(answer.headers["retry-after"])
    assert seconds >= 1
    return seconds


async def wrong_proofs(browser: AppClient, page: Page, name: str, count: int) -> httpx.Response:
    for _ in range(count):
        answer = await prove(browser, page, {"name": name, "id_number": id_number()})
    return answer


async def test_the_question_whose_phone_it_was_waits_for_the_next_code(
    new_app_client: NewAppClient, phone: str
) -> None:
    _, identity = await former(new_app_client, phone, QUIET)
    browser = new_app_client()
    seconds = wait_of(await wrong_proofs(browser, await question(browser, phone), identity["name"], 2))
    assert 30 <= seconds <= 60
    with later(seconds):
        again = await prove(browser, await question(browser, phone), identity)
        assert again.status_code == 303


async def test_the_question_whose_phone_it_was_waits_a_day_after_five_wrong_answers(
    new_app_client: NewAppClient, phone: str
) -> None:
    _, identity = await former(new_app_client, phone, QUIET)
    for turn, count in enumerate((2, 2, 1)):
        with later(61 * turn):
            browser = new_app_client()
            last = await wrong_proofs(browser, await question(browser, phone), identity["name"], count)
    assert 86_000 < wait_of(last) <= 86_400


async def test_wrong_codes_of_a_change_of_phone_wait_for_the_next_change(
    new_app_client: NewAppClient, phone: str
) -> None:
    await resident(new_app_client(), phone)
    with later(61):
        browser, new = new_app_client(), new_phone()
        page = await codes_page(browser, phone, new)
        for number in range(5):
            last = await submit(browser, page, old_code="000000", new_code=f"00000{number}")
        seconds = wait_of(last.answer)
        assert 30 <= seconds <= 60
    with later(61 + seconds):
        assert (await start(browser, phone, new)).status_code == 303


async def test_wrong_proofs_of_a_lost_phone_wait_a_day(new_app_client: NewAppClient, phone: str) -> None:
    _, identity = await resident(new_app_client(), phone, proofed=True)
    with later(61):
        browser, new = new_app_client(), new_phone()
        page = await codes_page(browser, phone, new, lost=True)
        code = {"new_code": await code_of(browser.sms, new)}
        for _ in range(6):
            last = await submit(browser, page, **code, **identity_of(identity) | {"id_number": id_number()})
        assert 86_000 < wait_of(last.answer) <= 86_400


async def test_wrong_codes_of_a_change_through_the_api_say_when(new_app_client: NewAppClient, phone: str) -> None:
    app = new_app_client()
    headers, _ = await resident(app, phone)
    change = await begun(app, headers, new_phone())
    for number in range(5):
        last = await confirm(app, headers, change, new_phone_code=f"00000{number}", old_phone_code="000000")
    assert wait_of(last) <= 60
    assert CHANGES in str(last.request.url)
