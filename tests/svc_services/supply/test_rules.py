"""Each limit says where it is stated; none claims a regulation that its basis does not name."""

from svc_services.reference.models import UtilityKind
from svc_services.supply.rules import RULES, OwnLimit, Regulation, Source, Sources, SupplyRule


def _limits(rule: SupplyRule) -> set[str]:
    return {name for name, value in rule if isinstance(value, int)}


def _sources(rule: SupplyRule) -> dict[str, Source]:
    return dict(rule.sources)


def test_every_kind_has_every_limit_with_its_source() -> None:
    assert set(RULES) == set(UtilityKind)
    for rule in RULES.values():
        assert _limits(rule) == set(Sources.model_fields)


def test_a_regulation_stands_in_the_basis_that_people_read() -> None:
    for kind, rule in RULES.items():
        for name, source in _sources(rule).items():
            basis = rule.outage_basis if name == "outage_notice_hours" else rule.arrears_basis
            if isinstance(source, Regulation):
                assert source.document in basis, (kind, name)
                assert (source.article or "") in basis, (kind, name)
            elif name == "outage_notice_hours":
                assert basis == "平台规定", kind


def test_what_a_regulation_sets_is_not_called_the_operators_own() -> None:
    electricity = _sources(RULES[UtilityKind.ELECTRICITY])
    assert electricity["overdue_days"] == Regulation(document="《电力供应与使用条例》", article="第三十九条")
    assert electricity["least_fen"] == OwnLimit(set_by="operators")
