"""Unified social credit codes."""

import pytest
from hypothesis import given

from svc_services.providers.applications.service import BadUscc, normalised_uscc
from tests.kit.test_fields import codes


@given(codes)
def test_spaces_and_lower_case_are_normalised(code: str) -> None:
    assert normalised_uscc(f" {code[:8]} {code[8:].lower()}\t") == code


@pytest.mark.parametrize(("written", "reason"), [("91110000", "shape"), ("911100006000373410", "check_character")])
def test_a_refusal_names_the_reason(written: str, reason: str) -> None:
    with pytest.raises(BadUscc) as refused:
        normalised_uscc(written)
    assert refused.value.values == {"reason": reason}
