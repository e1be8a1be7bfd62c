"""Genuine signatures of UnionPay and its authority verify; a single changed bit is rejected."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from chassis.db import now
from kit.signatures.refusals import BadSignature
from svc_payments.channels.unionpay.certificates import chains_to
from svc_payments.channels.unionpay.messages import Outcome
from svc_payments.channels.unionpay.signatures import CERTIFICATE, check, of_answer
from tests.svc_payments.channels.doubles.parties import certified

ORIGINALS = Path(__file__).parent / "originals"


def certificate(name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((ORIGINALS / name).read_bytes())


@pytest.fixture
def answer() -> dict[str, str]:
    return of_answer((ORIGINALS / "unionpay_answer.txt").read_bytes())


def key_of(answer: dict[str, str]) -> RSAPublicKey:
    key = x509.load_pem_x509_certificate(answer[CERTIFICATE].encode()).public_key()
    assert isinstance(key, RSAPublicKey)
    return key


def test_an_answer_of_unionpay_is_read_and_its_signature_is_right(answer: dict[str, str]) -> None:
    check(key_of(answer), answer)
    outcome = Outcome.model_validate(answer)
    assert (outcome.code, outcome.txn_type, outcome.amount_fen) == ("00", "04", 1)
    assert outcome.number.startswith("refundpay2024")


@pytest.mark.parametrize("name", ["txnAmt", "respCode", "orderId", "respMsg", CERTIFICATE])
def test_each_of_its_values_is_signed(answer: dict[str, str], name: str) -> None:
    key = key_of(answer)
    with pytest.raises(BadSignature):
        check(key, answer | {name: answer[name] + "0"})


def test_the_authoritys_root_leads_to_its_intermediate_though_both_are_of_sha_1() -> None:
    root, intermediate = certificate("cfca_root.pem"), certificate("cfca_oca1.pem")
    assert chains_to(root, [], intermediate, now())
    assert not chains_to(certified("CFCA CS CA", authority=True).certificate, [], intermediate, now())


def test_one_that_differs_by_a_bit_does_not_hang_on_it() -> None:
    der = bytearray(certificate("cfca_oca1.pem").public_bytes(Encoding.DER))
    der[-1] ^= 1
    assert not chains_to(certificate("cfca_root.pem"), [], x509.load_der_x509_certificate(bytes(der)), now())
