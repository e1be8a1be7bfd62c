"""Signed requests and answers: what is accepted, and every way to be refused."""

from dataclasses import replace

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from kit.signatures.keys import thumbprint
from kit.signatures.messages import (
    Answer,
    Request,
    Unsignable,
    sign_answer,
    sign_request,
    verify_answer,
    verify_request,
)
from kit.signatures.refusals import BadSignature
from tests.kit.signatures.attacks import Attacks
from tests.kit.signatures.drafts import Draft, Sent

KEY, STRANGER = (generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
KEYS = {thumbprint(KEY.public_key()): KEY.public_key()}
RECIPIENT, URL = "0198b5a0-0000-7000-8000-000000000001", "https://company.test/platform/postings"
BODY = '{"amount_fen": 4140, "说明": "水费"}\n'.encode()
DRAFT = Draft(KEY, RECIPIENT, URL, BODY)
ATTACKS = {name: (reason, sent) for name, reason, sent in Attacks(DRAFT, STRANGER).all()}


def check(sent: Sent, recipient: str = RECIPIENT) -> str:
    return verify_request(KEYS, recipient, Request(sent.method, sent.url, sent.headers), sent.body)


def refusal(sent: Sent, recipient: str = RECIPIENT) -> str:
    with pytest.raises(BadSignature) as refused:
        check(sent, recipient)
    return refused.value.reason


@pytest.mark.parametrize("body", [b"", BODY, bytes(range(256))])
def test_what_was_signed_verifies(body: bytes) -> None:
    headers = sign_request(KEY, RECIPIENT, "POST", URL, body)
    check(Sent("POST", URL, headers, body))


def test_what_a_stranger_to_the_library_signed_verifies() -> None:
    check(DRAFT.sent())
    check(replace(DRAFT, body=b"").sent())
    check(
        replace(
            DRAFT,
            components=tuple(reversed(("@method", "@target-uri", "content-digest", "content-type", "myili-recipient"))),
        ).sent()
    )


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused(name: str) -> None:
    reason, _ = ATTACKS[name]
    sent = next(sent for known, _, sent in Attacks(DRAFT, STRANGER).all() if known == name)
    assert refusal(sent) == reason


def test_an_empty_query_is_good_for_its_own_address_alone() -> None:
    query = Draft(KEY, RECIPIENT, f"{URL}/1").sent()
    check(query)
    assert refusal(replace(query, url=f"{URL}/2")) == "wrong_signature"
    assert refusal(replace(query, method="DELETE")) == "wrong_signature"
    assert refusal(query, recipient="0198b5a0-0000-7000-8000-000000000002") == "other_recipient"
    with_body = replace(query, method="POST", body=b"{}", headers={**query.headers, "Content-Type": "application/json"})
    assert refusal(with_body) == "components_mismatch"


@pytest.mark.parametrize(("seconds", "accepted"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_the_clock_may_differ_by_five_minutes(*, seconds: int, accepted: bool) -> None:
    with time_machine.travel(1_800_000_000, tick=False):
        sent = Sent("POST", URL, sign_request(KEY, RECIPIENT, "POST", URL, BODY), BODY)
    with time_machine.travel(1_800_000_000 + seconds, tick=False):
        if accepted:
            check(sent)
        else:
            assert refusal(sent) == "clock_skew"


def test_each_request_has_its_own_nonce() -> None:
    nonces = {check(Sent("GET", URL, sign_request(KEY, RECIPIENT, "GET", URL), b"")) for _ in range(20)}
    assert len(nonces) == 20


@pytest.mark.parametrize("url", ["not a url", "/postings", "https://company.test/a b", "https://company.test/水"])
def test_an_address_that_is_no_uri_cannot_be_signed_for(url: str) -> None:
    with pytest.raises(Unsignable):
        sign_request(KEY, RECIPIENT, "POST", url, BODY)


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=80))
def test_arbitrary_headers_are_refused_and_never_an_error(given_input: str, signature: str, digest: str) -> None:
    changes = {"Signature-Input": given_input, "Signature": signature, "Content-Digest": digest}
    assert refusal(DRAFT.sent(**changes)) in {"signature_malformed", "wrong_signature", "components_mismatch"}


@given(st.binary(max_size=60))
def test_a_field_of_the_signature_cut_anywhere_is_refused(junk: bytes) -> None:
    sent = DRAFT.sent()
    for name in ("Signature-Input", "Signature", "Content-Digest"):
        spoilt = sent.headers[name][: len(junk)] + junk.decode("latin-1")
        assert refusal(replace(sent, headers={**sent.headers, name: spoilt}))


class TestAnswers:
    asked = Request("GET", f"{URL}/1", sign_request(KEY, RECIPIENT, "GET", f"{URL}/1"))

    def refusal(self, answer: Answer, body: bytes = BODY) -> str:
        with pytest.raises(BadSignature) as refused:
            verify_answer(KEYS, answer, body)
        return refused.value.reason

    def test_the_answer_to_a_request_verifies(self) -> None:
        for body in (BODY, b""):
            verify_answer(KEYS, Answer(200, sign_answer(KEY, self.asked, 200, body), self.asked), body)

    @pytest.mark.parametrize(
        "other",
        [
            Request("GET", f"{URL}/1", sign_request(KEY, RECIPIENT, "GET", f"{URL}/1")),
            Request("GET", f"{URL}/2", asked.headers),
            Request("DELETE", f"{URL}/1", asked.headers),
        ],
        ids=["a repeated request", "another address", "another method"],
    )
    def test_an_answer_is_no_answer_to_another_request(self, other: Request) -> None:
        headers = sign_answer(KEY, self.asked, 200, BODY)
        assert self.refusal(Answer(200, headers, other)) == "wrong_signature"

    def test_an_answer_is_refused_with_another_status_body_or_type(self) -> None:
        headers = sign_answer(KEY, self.asked, 503, BODY)
        assert self.refusal(Answer(200, headers, self.asked)) == "wrong_signature"
        assert self.refusal(Answer(503, headers, self.asked), BODY + b" ") == "wrong_digest"
        retyped = {**headers, "Content-Type": "text/html"}
        assert self.refusal(Answer(503, retyped, self.asked)) == "wrong_signature"

    def test_an_answer_of_another_hour_by_another_key_or_unsigned_is_refused(self) -> None:
        with time_machine.travel(1_800_000_000, tick=False):
            old = sign_answer(KEY, self.asked, 200, BODY)
        assert self.refusal(Answer(200, old, self.asked)) == "clock_skew"
        forged = sign_answer(STRANGER, self.asked, 200, BODY)
        assert self.refusal(Answer(200, forged, self.asked)) == "unknown_key"
        assert self.refusal(Answer(200, {}, self.asked)) == "unsigned"

    def test_a_request_is_no_answer(self) -> None:
        headers = sign_request(KEY, RECIPIENT, "POST", URL, BODY)
        assert self.refusal(Answer(200, headers, self.asked)) == "signature_malformed"
