"""What the company's commands for its connection and its account holders send, keep and refuse."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from contracts.reference_provider import changes
from contracts.reference_provider.__main__ import main
from contracts.reference_provider.books import Books
from contracts.reference_provider.client import load_key
from contracts.reference_provider.holders import today_in_beijing
from contracts.reference_provider.roster import account_holder
from contracts.reference_provider.sales import Sales
from tests.contracts.reference_provider.platform_stand_in import PROVIDER_ID, Answers, Received

OWN = f"/services/v1/providers/{PROVIDER_ID}"
HOLDER_CHANGES = "/services/v1/holder-changes"
TOKENS = "/identity/v1/oauth/token"
ACCOUNT = account_holder("1", 3)
TODAY = today_in_beijing()


@pytest.fixture
def platform() -> Iterator[Answers]:
    with Answers().running() as answers:
        yield answers


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A connected company with its first key, its application and its books."""
    assert main(["keys", "--state", str(tmp_path)]) == 0
    filed = {"provider_id": PROVIDER_ID, "application_token": "the-token"}
    (tmp_path / "application.json").write_text(json.dumps(filed))
    Books(tmp_path / "books.sqlite3").fill_roster("1", 10)
    return tmp_path


def run(state: Path, platform: Answers, command: str, *more: str) -> int:
    return main([command, "--state", str(state), "--platform", platform.url, *more])


def connected(platform: Answers, *kids: str | None, suspended_at: str | None = None) -> None:
    keys = [{"kid": kid, "ended_at": None} for kid in kids]
    platform.on("GET", f"{OWN}/connection", {"keys": keys, "suspended_at": suspended_at})


def kid_of(state: Path, name: str = "key.json") -> str:
    return str(load_key(state / name).kid)


def require_proof(sent: Received, state: Path, key: str = "key.json") -> None:
    """A proof by this key, for exactly this request."""
    signer = load_key(state / key)
    proof = jwt.decode(sent.headers["Company-Proof"], KeySet([signer]), algorithms=["ES256"])
    assert proof.header == {"alg": "ES256", "typ": "provider-proof+jwt", "kid": signer.kid}
    assert 0 < proof.claims.pop("exp") - time.time() <= 300
    assert 16 <= len(proof.claims.pop("jti")) <= 128
    digest = base64.urlsafe_b64encode(hashlib.sha256(sent.body if sent.size else b"").digest())
    assert proof.claims == {
        "sub": PROVIDER_ID,
        "aud": "myili:services",
        "htm": sent.method,
        "htp": sent.path,
        "body_sha256": digest.rstrip(b"=").decode(),
    }
    assert sent.headers["Application-Token"] == "the-token"


class TestKeys:
    def test_a_key_is_replaced_and_the_former_one_ended(self, platform: Answers, state: Path) -> None:
        first = kid_of(state)
        connected(platform, first)
        platform.on("POST", f"{OWN}/changes", {"status": "approved"}, 201)
        assert run(state, platform, "add-key", "--reason", "rotation") == 0
        following = kid_of(state, "next_key.json")
        platform.forget("GET", f"{OWN}/connection")
        connected(platform, first, following)
        assert run(state, platform, "switch-key") == 0
        assert (kid_of(state), kid_of(state, "former_key.json")) == (following, first)
        assert run(state, platform, "end-key", first, "--reason", "rotation") == 0
        assert not (state / "former_key.json").exists()
        added, ended = platform.to("POST", f"{OWN}/changes")
        assert "d" not in json.loads(added.body)["key"]
        assert json.loads(ended.body) == {"action": "end_key", "kid": first, "reason": "rotation"}
        require_proof(ended, state)

    def test_after_a_lost_answer_the_same_key_is_added(self, platform: Answers, state: Path) -> None:
        connected(platform, kid_of(state))
        platform.on("POST", f"{OWN}/changes", {"code": "too_many_keys"}, 409)
        assert run(state, platform, "add-key", "--reason", "rotation") == 1
        kept = kid_of(state, "next_key.json")
        platform.forget("GET", f"{OWN}/connection")
        connected(platform, kid_of(state), kept)
        assert run(state, platform, "add-key", "--reason", "rotation") == 0
        assert kid_of(state, "next_key.json") == kept
        assert len(platform.to("POST", f"{OWN}/changes")) == 1

    def test_keys_are_readable_by_the_company_alone(self, platform: Answers, state: Path) -> None:
        connected(platform, kid_of(state))
        platform.on("POST", f"{OWN}/changes", {}, 201)
        run(state, platform, "add-key", "--reason", "rotation")
        assert oct((state / "next_key.json").stat().st_mode & 0o777) == "0o600"

    def test_a_key_that_gets_no_token_is_not_switched_to(
        self, platform: Answers, state: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(changes, "KEY_TAKES_EFFECT", 0.0)
        first = kid_of(state)
        connected(platform, first)
        platform.on("POST", f"{OWN}/changes", {}, 201)
        run(state, platform, "add-key", "--reason", "rotation")
        assert run(state, platform, "switch-key") == 1
        platform.forget("GET", f"{OWN}/connection")
        connected(platform, first, kid_of(state, "next_key.json"))
        platform.forget("POST", TOKENS)
        platform.on("POST", TOKENS, {"error": "invalid_client"}, 401)
        assert run(state, platform, "switch-key") == 1
        assert kid_of(state) == first

    def test_a_suspended_company_switches_by_a_proof_of_the_next_key(self, platform: Answers, state: Path) -> None:
        first = kid_of(state)
        connected(platform, first)
        platform.on("POST", f"{OWN}/changes", {}, 201)
        run(state, platform, "add-key", "--reason", "leak")
        platform.forget("GET", f"{OWN}/connection")
        connected(platform, first, kid_of(state, "next_key.json"), suspended_at="2026-01-01T00:00:00Z")
        assert run(state, platform, "switch-key") == 0
        require_proof(platform.to("GET", f"{OWN}/connection")[-1], state)
        assert platform.to("POST", TOKENS) == []

    def test_the_key_in_use_is_not_ended(
        self, platform: Answers, state: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(state, platform, "end-key", kid_of(state), "--reason", "leak") == 1
        assert capsys.readouterr().err == "This key is in use here. Add another and switch to it first.\n"
        assert platform.received == []


class TestConnection:
    def test_each_change_is_proved(self, platform: Answers, state: Path) -> None:
        platform.on("POST", f"{OWN}/suspend", {"status": "approved"})
        platform.on("POST", f"{OWN}/changes", {"status": "approved"}, 201)
        assert run(state, platform, "suspend", "--reason", "密钥泄露") == 0
        assert run(state, platform, "correct-endpoint", "https://new.test/my-ili", "--reason", "moved") == 0
        assert run(state, platform, "resume", "--reason", "cleaned up") == 0
        for sent in platform.received:
            require_proof(sent, state)
        bodies = [json.loads(sent.body) for sent in platform.received]
        assert bodies == [
            {"reason": "密钥泄露"},
            {"action": "correct_endpoint", "endpoint_url": "https://new.test/my-ili", "reason": "moved"},
            {"action": "resume", "reason": "cleaned up"},
        ]

    def test_the_token_may_be_kept_apart(
        self, platform: Answers, state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (state / "application.json").write_text(json.dumps({"provider_id": PROVIDER_ID}))
        assert run(state, platform, "suspend", "--reason", "leak") == 1
        assert "give it in the variable APPLICATION_TOKEN" in capsys.readouterr().err
        platform.on("POST", f"{OWN}/suspend", {"status": "approved"})
        monkeypatch.setenv("APPLICATION_TOKEN", "the-token")
        assert run(state, platform, "suspend", "--reason", "leak") == 0
        require_proof(platform.received[-1], state)

    def test_a_proof_is_written_to_a_private_file_and_for_the_companys_own_connection_only(
        self, platform: Answers, state: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        body, out = state / "change.json", state / "headers"
        body.write_bytes(b'{"action": "resume", "reason": "x"}')
        rest = ("--body", str(body), "--out", str(out))
        assert run(state, platform, "proof", "POST", "/services/v1/providers/other/changes", *rest) == 1
        assert not out.exists()
        assert run(state, platform, "proof", "POST", f"{OWN}/changes", *rest) == 0
        headers = dict(line.split(": ") for line in out.read_text().splitlines())
        sent = Received("POST", f"{OWN}/changes", headers, body.read_bytes(), body.stat().st_size)
        require_proof(sent, state)
        assert oct(out.stat().st_mode & 0o777) == "0o600"
        assert "the-token" not in capsys.readouterr().out


def change(state: Path, platform: Answers, *more: str, number: str = ACCOUNT.account_number, on: object = TODAY) -> int:
    return run(state, platform, "report-holder-change", "--account-number", number, "--effective-on", str(on), *more)


NEW = ("--kind", "new_holder", "--holder-name", "测试新户主")
ENDED = ("--kind", "ended")


class TestHolders:
    def test_the_next_holder_is_confirmed_and_the_former_one_is_not(self, platform: Answers, state: Path) -> None:
        platform.on("POST", HOLDER_CHANGES, {"holder_change_id": "h1"}, 201)
        assert change(state, platform, *NEW) == 0
        (sent,) = platform.to("POST", HOLDER_CHANGES)
        number, former = ACCOUNT
        assert json.loads(sent.body) == {
            "account_number": number,
            "kind": "new_holder",
            "effective_on": TODAY.isoformat(),
        }
        books = Books(state / "books.sqlite3")
        books.fill_roster("1", 10)  # as each start of the server does
        assert [books.verify_holder(number, name) for name in (former, "测试新户主")] == ["no_match", "match"]

    def test_a_later_change_waits_for_its_day(self, platform: Answers, state: Path) -> None:
        platform.on("POST", HOLDER_CHANGES, {"holder_change_id": "h1"}, 201)
        assert change(state, platform, *NEW, on=TODAY + timedelta(days=2)) == 0
        assert Books(state / "books.sqlite3").verify_holder(*ACCOUNT) == "match"

    def test_an_account_given_up_has_no_holder_and_no_top_ups_but_its_bills(
        self, platform: Answers, state: Path
    ) -> None:
        platform.on("POST", HOLDER_CHANGES, {"holder_change_id": "h1"}, 201)
        assert change(state, platform, *ENDED) == 0
        books = Books(state / "books.sqlite3")
        assert books.verify_holder(*ACCOUNT) == "no_account"
        assert Sales(books).validate(ACCOUNT.account_number, 5000) == {"result": "no_account"}
        assert Sales(books).inquire(ACCOUNT.account_number) == {"result": "nothing_due"}

    def test_a_report_without_an_answer_stays_recorded_and_is_sent_again(
        self, platform: Answers, state: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(time, "sleep", lambda _: None)
        platform.on("POST", HOLDER_CHANGES, b"", 502)
        assert change(state, platform, *NEW) == 1
        assert Books(state / "books.sqlite3").verify_holder(*ACCOUNT) == "no_match"
        platform.forget("POST", HOLDER_CHANGES)
        platform.on("POST", HOLDER_CHANGES, {"holder_change_id": "h1"}, 201)
        assert change(state, platform, *NEW) == 0

    def test_a_refused_report_leaves_the_books_as_they_were(self, platform: Answers, state: Path) -> None:
        platform.on("POST", HOLDER_CHANGES, {"code": "later_change_known"}, 409)
        assert change(state, platform, *NEW) == 1
        assert Books(state / "books.sqlite3").verify_holder(*ACCOUNT) == "match"

    def test_without_a_token_nothing_is_recorded(self, platform: Answers, state: Path) -> None:
        platform.forget("POST", TOKENS)
        platform.on("POST", TOKENS, {"error": "invalid_client"}, 401)
        assert change(state, platform, *NEW) == 1
        assert Books(state / "books.sqlite3").verify_holder(*ACCOUNT) == "match"

    def test_a_withdrawn_report_gives_the_account_back(self, platform: Answers, state: Path) -> None:
        platform.on("POST", HOLDER_CHANGES, {"holder_change_id": "h1"}, 201)
        platform.on("POST", f"{HOLDER_CHANGES}/h1/withdraw", {"status": "withdrawn"})
        assert change(state, platform, *ENDED) == 0
        assert run(state, platform, "withdraw-holder-change", "h1") == 0
        assert Books(state / "books.sqlite3").verify_holder(*ACCOUNT) == "match"
        assert run(state, platform, "withdraw-holder-change", "h1") == 0
        first, second = platform.to("POST", f"{HOLDER_CHANGES}/h1/withdraw")
        assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]

    @pytest.mark.parametrize(
        ("number", "on", "more", "sentence"),
        [
            ("1110999997", TODAY, NEW, "The books have no account 1110999997."),
            (ACCOUNT.account_number, TODAY + timedelta(days=367), NEW, "is more than a year ahead"),
            (ACCOUNT.account_number, TODAY, ("--kind", "new_holder"), "A new_holder has a --holder-name"),
            (ACCOUNT.account_number, TODAY, (*ENDED, "--holder-name", "x"), "an account that ended has none"),
            (ACCOUNT.account_number, TODAY, ("--kind", "new_holder", "--holder-name", " "), "has no name"),
        ],
    )
    def test_what_cannot_be_is_refused_before_anything_is_sent(
        self,
        platform: Answers,
        state: Path,
        capsys: pytest.CaptureFixture[str],
        number: str,
        on: object,
        more: tuple[str, ...],
        sentence: str,
    ) -> None:
        assert change(state, platform, *more, number=number, on=on) == 1
        error = capsys.readouterr().err
        assert sentence in error
        assert error.count("\n") == 1
        assert platform.to("POST", HOLDER_CHANGES) == []

    def test_a_change_before_a_recorded_one_or_another_on_its_day_is_refused(
        self, platform: Answers, state: Path
    ) -> None:
        platform.on("POST", HOLDER_CHANGES, {"holder_change_id": "h1"}, 201)
        platform.on("POST", HOLDER_CHANGES, {"holder_change_id": "h2"}, 201)
        assert change(state, platform, *ENDED) == 0
        assert change(state, platform, *NEW) == 1
        assert change(state, platform, *NEW, on=TODAY - timedelta(days=1)) == 1
        assert change(state, platform, *ENDED, on=TODAY + timedelta(days=1)) == 1
        assert change(state, platform, *NEW, on=TODAY + timedelta(days=1)) == 0
        assert len(platform.to("POST", HOLDER_CHANGES)) == 2
