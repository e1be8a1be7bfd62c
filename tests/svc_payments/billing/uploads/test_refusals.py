"""Refusals of whole files, as they are kept and given again."""

import pytest

from chassis.problems import ContentTooLarge, Problem
from kit.files.refusals import UndecodableBytes
from kit.uploads.outcomes import again, kept
from kit.uploads.refusals import DigestMismatch
from svc_payments.billing.files.refusals import EmptyFile


@pytest.mark.parametrize(
    "refusal", [DigestMismatch(), EmptyFile(), UndecodableBytes(byte=3, encoding="utf-8"), ContentTooLarge()]
)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_refusal_that_was_kept_has_the_same_words(refusal: Problem, language: str) -> None:
    assert again(kept(refusal)).render(language) == refusal.render(language)


def test_a_refusal_that_was_kept_before_the_kit_had_its_words_has_them_still() -> None:
    before = {"package": "svc_payments", "status": 400, "code": "digest_mismatch", "values": {}}
    assert again(before).render("zh") == DigestMismatch().render("zh")
