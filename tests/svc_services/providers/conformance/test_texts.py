"""What a report says in words."""

from kit.conformance.results import Fault
from kit.words import catalogues
from svc_services.providers.applications.stated_terms import StatedTerms
from svc_services.providers.conformance.presenters import TEXTS
from svc_services.providers.conformance.rules import Account, Rules
from tests.svc_services.providers.conformance.examined import EVERYTHING


def test_every_rule_and_every_fault_has_a_sentence_in_every_language() -> None:
    rules = Rules([Account("1234567897", "测试")] * 8, "1234567898", {}, StatedTerms.model_validate(EVERYTHING))
    expected = {*rules.before_restart, *rules.after_restart, *(f"fault_{each}" for each in Fault)}
    texts = catalogues(TEXTS)
    assert set(texts) == {"zh", "en", "kk-Arab", "ug"}
    assert [language for language, words in texts.items() if set(words) != expected] == []
