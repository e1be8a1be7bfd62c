"""Certificates as Alipay offers them: its root file, and its signing certificate with that of the authority."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from pydantic import ValidationError

from kit.signatures.refusals import BadSignature
from svc_payments.channels.alipay.signatures import AlipayKeys, certificates_named
from svc_payments.settings.channels import load_alipay_keys, load_rsa_roots
from tests.svc_payments.channels.doubles.alipay import AlipayDouble, certificate_double
from tests.svc_payments.channels.doubles.alipay_protocol import strange_root
from tests.svc_payments.channels.doubles.parties import Certified, certified

ROOTS = (Path(__file__).parent / "originals" / "alipayRootCert.crt").read_text("ascii")
ROOT_SERIALS = "687b59193f3f462dd5336e5abf83c5d8_02941eef3187dddf3d3b83462e1dfcf6"
"""As Alipay's documents and its own libraries have it for this file."""


@pytest.mark.parametrize("text", [ROOTS, ROOTS.replace("\n", "\r\n"), f"Bag Attributes\n{ROOTS}"])
def test_alipays_own_root_file_is_named_as_alipay_names_it(text: str) -> None:
    named = certificates_named(certified("Sample Application").pem, text)
    assert named["alipay_root_cert_sn"] == ROOT_SERIALS


def test_a_channel_is_configured_with_the_original_file() -> None:
    double = certificate_double()
    settings = double.settings("https://alipay.test", root_certificates=ROOTS)
    assert len(load_rsa_roots(settings.root_certificates or "")) == 2


@pytest.mark.parametrize("text", ["", "BEGIN CERTIFICATE", strange_root(), ROOTS[:500]])
def test_a_file_without_a_root_of_rsa_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="must be certificates"):
        certificate_double().settings("https://alipay.test", root_certificates=text)


ROOT = certified("Alipay's root", authority=True)
AUTHORITY = certified("Alipay's authority", by=ROOT, authority=True)
SIGNER = certified("Alipay", by=AUTHORITY)


def signed_by(signer: Certified) -> bytes:
    return base64.b64encode(signer.key.sign(b"a notice", PKCS1v15(), hashes.SHA256()))


@pytest.mark.parametrize(
    "chain", [(SIGNER, AUTHORITY), (AUTHORITY, SIGNER), (SIGNER, AUTHORITY, ROOT)], ids=["usual", "turned", "whole"]
)
def test_only_the_signing_certificate_of_a_chain_is_believed(chain: tuple[Certified, ...]) -> None:
    keys = AlipayKeys("\n".join(each.pem for each in chain))
    keys.check(b"a notice", signed_by(SIGNER))
    for authority in (AUTHORITY, ROOT):
        with pytest.raises(BadSignature):
            keys.check(b"a notice", signed_by(authority))


def test_an_authority_that_does_not_call_itself_one_is_not_believed() -> None:
    unmarked = certified("Unmarked authority", by=ROOT)
    signer = certified("Alipay of old", by=unmarked)
    assert load_alipay_keys(signer.pem + unmarked.pem) == load_alipay_keys(signer.pem)


def test_a_renewed_certificate_is_believed_beside_the_former() -> None:
    renewed = certified("Alipay", by=AUTHORITY)
    assert len(load_alipay_keys(SIGNER.pem + renewed.pem + AUTHORITY.pem)) == 2


@pytest.mark.parametrize("pem", [AUTHORITY.pem, ROOT.pem])
def test_an_authority_alone_is_no_key_of_alipay(pem: str) -> None:
    with pytest.raises(ValidationError, match="must be"):
        AlipayDouble().settings("https://alipay.test", public_key=pem)
