"""Each limit says where it is stated; none claims a regulation that its basis does not name."""

from svc_services.reference.models import UtilityKind
from svc_services.supply.rules import RULES, Source, Sources, SupplyRule


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
            if source.document:
                assert source.document in basis, (kind, name)
                assert (source.article or "") in basis, (kind, name)
            else:
                assert source.set_by == "operators"
                assert "平台规定" in basis or name != "outage_notice_hours", (kind, name)


def test_what_a_regulation_sets_is_not_called_the_operators_own() -> None:
    electricity = _sources(RULES[UtilityKind.ELECTRICITY])
    assert (electricity["overdue_days"].article, electricity["least_fen"].set_by) == ("第三十九条", "operators")
