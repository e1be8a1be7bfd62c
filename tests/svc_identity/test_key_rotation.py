"""Signing keys change by a schedule: the next is published before it signs, the old one as long as its tokens hold."""

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import time_machine
from joserfc import jwt
from joserfc.jwk import KeySet

from kit.environment import environment
from kit.signing_keys import read_signing_keys
from svc_identity import key_rotation
from svc_identity.keys import Signer
from svc_identity.settings import Settings
from tests.signing_keys import new_pem
from tests.svc_identity.app_client import AppClient, Page
from tests.svc_identity.conftest import browser_on, running
from tests.svc_identity.sign_in.test_sign_out import CONFIRM, END

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def kids(pem: str) -> list[str]:
    return [each.key.kid or "" for each in read_signing_keys(pem)]


def pem_whose_kid_begins_with_a_hyphen() -> str:
    """One key in 64 has such an id."""
    return next(pem for pem in iter(new_pem, "") if kids(pem)[0].startswith("-"))


def run(capsys: pytest.CaptureFixture[str], pem: str, *arguments: str, at: datetime = START) -> tuple[int, str, str]:
    """A command at a time: its status, its output and what it says."""
    with environment(token_signing_key=pem), time_machine.travel(at, tick=False):
        status = key_rotation.main(list(arguments))
    said = capsys.readouterr()
    return status, said.out, said.err


def rotated(capsys: pytest.CaptureFixture[str], pem: str, at: datetime = START) -> str:
    status, text, _ = run(capsys, pem, "next", at=at)
    assert status == 0
    return text


def shown(signer: Signer, moment: datetime) -> tuple[str, list[str]]:
    """Which key signs at a time, and which are published then."""
    with time_machine.travel(moment, tick=False):
        token = signer.sign("at+jwt", 600, sub="x")
        published = KeySet.import_key_set(signer.public_keys())  # type: ignore[arg-type]  # JSON of a key set
        kid = jwt.decode(token, published, algorithms=["ES256"]).header["kid"]
    return kid, [key.kid or "" for key in published]


def test_the_next_key_is_published_before_it_signs_and_the_old_one_after(capsys: pytest.CaptureFixture[str]) -> None:
    old = new_pem()
    text = rotated(capsys, old)
    first, second = kids(text)
    assert [first] == kids(old)
    signer = Signer("https://gateway.test/identity", text)
    a_second = timedelta(seconds=1)
    assert shown(signer, START) == (first, [first, second])
    assert shown(signer, START + HOUR - a_second) == (first, [first, second])
    assert shown(signer, START + HOUR) == (second, [first, second])
    assert shown(signer, START + 2 * HOUR - a_second) == (second, [first, second])
    assert shown(signer, START + 2 * HOUR) == (second, [second])


def test_the_next_rotation_drops_what_is_retired(capsys: pytest.CaptureFixture[str]) -> None:
    text = rotated(capsys, new_pem())
    first, second = kids(text)
    assert kids(rotated(capsys, text, START + 1.5 * HOUR))[:2] == [first, second]
    later = rotated(capsys, text, START + 3 * HOUR)
    assert kids(later)[0] == second
    assert first not in kids(later)
    assert len(kids(later)) == 2


@pytest.mark.parametrize("minutes", ["14", "0", "-60"])
def test_a_key_that_nobody_would_know_yet_does_not_sign(capsys: pytest.CaptureFixture[str], minutes: str) -> None:
    status, text, said = run(capsys, new_pem(), "next", "--in-minutes", minutes)
    assert (status, text) == (2, "")
    assert said.startswith("Nothing is changed: ")


def test_there_is_one_next_key(capsys: pytest.CaptureFixture[str]) -> None:
    text = rotated(capsys, new_pem())
    assert run(capsys, text, "next", "--in-minutes", "30")[:2] == (2, "")
    assert run(capsys, text, "next", "--in-minutes", "120")[0] == 0


def test_a_withdrawn_key_is_gone_and_the_next_signs_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    text = rotated(capsys, new_pem())
    first, second = kids(text)
    status, left, said = run(capsys, text, "withdraw", first)
    assert (status, said.splitlines()[0]) == (0, f"{second}  signs")
    assert shown(Signer("https://gateway.test/identity", left), START) == (second, [second])
    for pem, kid in ((left, second), (text, "unknown"), (left, first)):
        assert run(capsys, pem, "withdraw", kid)[:2] == (2, "")


def test_a_key_whose_id_looks_like_an_option_is_withdrawn_too(capsys: pytest.CaptureFixture[str]) -> None:
    text = rotated(capsys, pem_whose_kid_begins_with_a_hyphen())
    first, second = kids(text)
    status, left, _ = run(capsys, text, "withdraw", first)
    assert (status, kids(left)) == (0, [second])


def test_the_list_says_what_each_key_does(capsys: pytest.CaptureFixture[str]) -> None:
    text = rotated(capsys, new_pem())
    first, second = kids(text)
    for moment, states in (
        (START, ("signs", "signs from 2026-12-01 10:00 UTC")),
        (START + HOUR, ("published", "signs")),
        (START + 2 * HOUR, ("retired", "signs")),
    ):
        status, listed, _ = run(capsys, text, "list", at=moment)
        assert (status, listed.splitlines()) == (0, [f"{first}  {states[0]}", f"{second}  {states[1]}"])


@pytest.mark.parametrize("stated", ["tomorrow", "2026-12-01", "2026-12-01T09:00:00", ""])
def test_a_schedule_that_cannot_be_read_is_refused(stated: str) -> None:
    with pytest.raises(ValueError, match="Signs-From must be a time in UTC"):
        read_signing_keys(f"{new_pem()}Signs-From: {stated}\n{new_pem()}")


async def test_a_service_does_not_start_without_a_key_that_signs(settings: Settings) -> None:
    later = f"Signs-From: 2999-01-01T00:00:00Z\n{new_pem()}"
    with pytest.raises(ValueError, match="one of the keys must sign already"):
        type(settings)(**settings.model_dump() | {"token_signing_key": later})


async def test_an_id_token_of_a_retired_key_still_signs_out(
    settings: Settings, sms: httpx.AsyncClient, phone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = rotated(capsys, settings.token_signing_key.get_secret_value(), datetime.now(UTC))
    async with running(settings, token_signing_key=text) as app, browser_on(app) as api:
        issued = await AppClient(api, sms).tokens(phone)
        with time_machine.travel(time.time() + 3 * 3_600):
            assert len((await api.get("/identity/v1/oauth/jwks")).json()["keys"]) == 1
            page = Page(await api.get(END, params={"id_token_hint": issued["id_token"]}))
            assert (await api.post(CONFIRM, data=page.forms[0].fields)).status_code == 200
