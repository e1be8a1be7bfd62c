"""The company accepts a call of the platform once, for itself, at its own address, and nothing else."""

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from tests.contracts.reference_provider.processes import PROVIDER_ID, Platform, Provider, new_key, signed_by
from tests.contracts.reference_provider.test_server import place, posting, refusal, verification
from tests.kit.signatures.attacks import Attacks
from tests.kit.signatures.drafts import Draft, Sent

OTHER_ID = "0198b5a0-0000-7000-8000-000000000002"
STRANGER = new_key()
NAMES = [name for name, _, _ in Attacks(Draft(STRANGER, PROVIDER_ID, "http://company.test/", b"{}"), STRANGER).all()]


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with Platform().running() as platform:
        yield platform


@dataclass(frozen=True)
class Companies:
    """Two companies of one platform, with the same customers."""

    one: httpx.Client
    other: httpx.Client


@pytest.fixture(scope="module")
def companies(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Companies]:
    # The other company booked under the same name in front of its server, as a proxy of both would have it.
    one = Provider(platform.url, tmp_path_factory.mktemp("one"), options=("--prepaid", "token"))
    same_url = ("--public-url", one.url, "--prepaid", "token")
    other = Provider(platform.url, tmp_path_factory.mktemp("other"), provider_id=OTHER_ID, options=same_url)
    with one.running() as first, other.running() as second:
        yield Companies(first, second)


def send(company: httpx.Client, sent: Sent) -> httpx.Response:
    at = httpx.URL(sent.url).copy_with(host=company.base_url.host, port=company.base_url.port)
    return company.request(sent.method, at, headers=dict(sent.headers), content=sent.body)


def booked(company: httpx.Client) -> int:
    return int(company.get("/books").json()["booked"])


@pytest.mark.parametrize("name", NAMES)
def test_an_attack_is_refused_and_not_booked(platform: Platform, companies: Companies, name: str) -> None:
    body = json.dumps(posting()).encode()
    draft = Draft(platform.keys["payments"][0], PROVIDER_ID, f"{place(companies.one)}/postings", body)
    reason, sent = next((reason, sent) for known, reason, sent in Attacks(draft, STRANGER).all() if known == name)
    before = booked(companies.one)
    answer = send(companies.one, sent)
    assert refusal(answer) == (401, reason)
    assert answer.json()["detail"].endswith(".")
    assert booked(companies.one) == before


def test_what_a_stranger_to_the_library_signs_is_booked(platform: Platform, companies: Companies) -> None:
    body = json.dumps(posting()).encode()
    draft = Draft(platform.keys["payments"][0], PROVIDER_ID, f"{place(companies.one)}/postings", body)
    assert send(companies.one, draft.sent()).json()["result"] == "booked"


def test_another_label_is_refused(platform: Platform, companies: Companies) -> None:
    """The label is not signed, so whoever passes a call on could add a signature under another one."""
    body = json.dumps(posting()).encode()
    draft = Draft(platform.keys["payments"][0], PROVIDER_ID, f"{place(companies.one)}/postings", body)
    for label in ("sig1", "myili2", "*myili"):
        assert refusal(send(companies.one, replace(draft, label=label).sent())) == (401, "signature_malformed")


@pytest.mark.parametrize("name", ["Signature", "Signature-Input", "Content-Digest", "Content-Type", "MyIli-Recipient"])
def test_a_field_that_comes_twice_is_refused(platform: Platform, companies: Companies, name: str) -> None:
    body = json.dumps(posting()).encode()
    sent = Draft(platform.keys["payments"][0], PROVIDER_ID, f"{place(companies.one)}/postings", body).sent()
    for more in (sent.headers[name], "text/plain"):
        answer = companies.one.post("/postings", headers=[*sent.headers.items(), (name, more)], content=body)
        reason = "other_recipient" if name == "MyIli-Recipient" else "signature_malformed"
        assert refusal(answer) == (401, reason)


class TestForwarded:
    """A call of the platform to one company, sent on unchanged to the other."""

    @pytest.mark.parametrize(
        ("path", "content", "service"),
        [
            ("/postings", posting(), "payments"),
            ("/postings", posting(kind="top_up", amount_fen=5000), "payments"),
            ("/account-verifications", verification(), "services"),
            ("/bill-inquiries", {"inquiry_id": OTHER_ID, "account_number": "1"}, "payments"),
            ("/top-up-validations", {"validation_id": OTHER_ID, "account_number": "1", "amount_fen": 5000}, "payments"),
            (f"/postings/{OTHER_ID}/cancellations", {"posting_id": OTHER_ID, "reason": "refund"}, "payments"),
        ],
        ids=["posting", "top-up", "account verification", "inquiry", "validation", "cancellation"],
    )
    def test_it_is_refused(
        self, platform: Platform, companies: Companies, path: str, content: dict[str, object], service: str
    ) -> None:
        body, url = json.dumps(content | {"provider_id": PROVIDER_ID}).encode(), f"{place(companies.one)}{path}"
        sent = Sent("POST", url, platform.signed(url, body, service), body)
        assert refusal(send(companies.other, sent)) == (401, "other_recipient")
        renamed = replace(sent, headers={**sent.headers, "MyIli-Recipient": OTHER_ID})
        assert refusal(send(companies.other, renamed)) == (401, "wrong_signature")
        assert booked(companies.other) == 0
        assert send(companies.one, sent).status_code == 200

    def test_an_empty_query_is_refused_elsewhere_and_for_another_posting(
        self, platform: Platform, companies: Companies
    ) -> None:
        content = posting()
        url = f"{place(companies.one)}/postings"
        body = json.dumps(content).encode()
        send(companies.one, Sent("POST", url, platform.signed(url, body), body))
        query = Sent("GET", f"{url}/{uuid.uuid4()}", platform.signed(f"{url}/{uuid.uuid4()}"), b"")
        assert refusal(send(companies.one, query)) == (401, "wrong_signature")
        known = f"{url}/{content['posting_id']}"
        asked = Sent("GET", known, platform.signed(known), b"")
        assert refusal(send(companies.other, asked)) == (401, "other_recipient")
        assert refusal(send(companies.one, replace(asked, url=f"{known}?all=1"))) == (401, "wrong_signature")
        assert send(companies.one, asked).json()["result"] == "booked"


class TestReplays:
    def test_the_same_call_is_accepted_once(self, platform: Platform, companies: Companies) -> None:
        body, url = json.dumps(verification()).encode(), f"{place(companies.one)}/account-verifications"
        sent = Sent("POST", url, platform.signed(url, body, "services"), body)
        with ThreadPoolExecutor(8) as senders:
            answers = list(senders.map(lambda _: send(companies.one, sent), range(8)))
        assert sorted(answer.status_code for answer in answers) == [200, *[401] * 7]
        assert {refusal(answer) for answer in answers if answer.status_code == 401} == {(401, "nonce_replayed")}

    def test_a_replay_is_refused_after_a_crash_too(self, platform: Platform, tmp_path: Path) -> None:
        provider = Provider(platform.url, tmp_path)
        url = f"{provider.url}/postings/{uuid.uuid4()}"
        sent = Sent("GET", url, platform.signed(url), b"")
        with provider.running() as company:
            assert send(company, sent).json() == {"result": "not_found"}
        with provider.running() as company:
            assert refusal(send(company, sent)) == (401, "nonce_replayed")


class TestAddress:
    def test_behind_a_proxy_the_company_names_its_public_url(self, platform: Platform, tmp_path: Path) -> None:
        public = "https://utility.test/my-ili"
        provider = Provider(platform.url, tmp_path, options=("--public-url", public))
        path = f"/postings/{uuid.uuid4()}"
        with provider.running() as company:
            arrived = company.get(path, headers=platform.signed(f"{public}{path}"))
            assert arrived.json() == {"result": "not_found"}
            headers = {**platform.signed(f"https://another.test{path}"), "Host": "another.test"}
            assert refusal(company.get(path, headers=headers)) == (401, "wrong_signature")
            inside = platform.signed(f"{provider.url}{path}")
            assert refusal(company.get(path, headers=inside)) == (401, "wrong_signature")

    def test_a_company_without_a_provider_id_accepts_nothing(self, platform: Platform, tmp_path: Path) -> None:
        provider = Provider(platform.url, tmp_path, provider_id="")
        url = f"{provider.url}/postings/{uuid.uuid4()}"
        key = platform.keys["payments"][0]
        with provider.running() as company:
            for recipient in (PROVIDER_ID, ""):
                headers = signed_by(key, url, recipient=recipient)
                assert refusal(company.get(url, headers=headers)) == (401, "other_recipient")
            provider.register(uuid.UUID(OTHER_ID))
            approved = signed_by(key, url, recipient=OTHER_ID)
            assert company.get(url, headers=approved).json() == {"result": "not_found"}
