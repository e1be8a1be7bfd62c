"""Account numbers, and the invented people who hold them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn, verhoeff
from stdnum.iso7064 import mod_11_10

from contracts.reference_provider import numbering
from contracts.reference_provider.numbering import NUMBERINGS
from contracts.reference_provider.roster import MOST_ACCOUNTS, account_holder, account_number, position
from kit.fields.customer_parameters import CustomerParameters, declared

positions = st.integers(0, MOST_ACCOUNTS - 1)


@given(st.text("0123456789", min_size=1, max_size=20))
def test_the_check_digits_are_those_of_the_rules(digits: str) -> None:
    assert numbering.mod_11_10(digits) == mod_11_10.calc_check_digit(digits)
    assert numbering.luhn(digits) == luhn.calc_check_digit(digits)
    assert numbering.verhoeff(digits) == verhoeff.calc_check_digit(digits)


def test_the_check_digit_of_a_published_example() -> None:
    """GB/T 17710-2008 gives 0794 with the check digit 5; leading zeros of a fixed length are other digits."""
    assert numbering.mod_11_10("0794") == "5"


@given(st.sampled_from(sorted(NUMBERINGS)), st.text(max_size=8), positions)
def test_the_numbers_of_each_kind_fit_what_its_company_declares(kind: str, seed: str, n: int) -> None:
    parameters = declared(CustomerParameters.model_validate(NUMBERINGS[kind].customer_parameters))
    assert isinstance(parameters, CustomerParameters)
    number = account_number(seed, n, kind)
    assert parameters.fault(number) is None
    assert position(seed, number, kind) == n


@given(st.text(max_size=8), positions)
def test_an_account_number_leads_back_to_its_account(seed: str, n: int) -> None:
    number = account_number(seed, n)
    assert len(number) == 10
    assert mod_11_10.is_valid(number)
    assert position(seed, number) == n
    assert account_holder(seed, n).account_number == number


def test_each_account_has_its_own_number_and_holder() -> None:
    accounts = [account_holder("one", n) for n in range(10_000)]
    assert len({account.account_number for account in accounts}) == 10_000
    assert len({account.holder_name for account in accounts}) == 10_000
    assert {name[:4] for _, name in accounts} == {"测试居民"}


def test_a_seed_makes_a_company_of_its_own() -> None:
    assert account_holder("one", 7) == account_holder("one", 7)
    assert account_holder(1, 7) == account_holder("1", 7)
    assert account_holder("one", 7).account_number != account_holder("two", 7).account_number
    assert account_holder("one", 7).holder_name != account_holder("two", 7).holder_name


@pytest.mark.parametrize("n", [-1, MOST_ACCOUNTS])
def test_an_account_beyond_the_numbers_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match=f"There is no account {n}"):
        account_number("one", n)


@pytest.mark.parametrize("number", ["", "123", "abcdefghij", "0000000000", account_number("two", 7)])
def test_a_number_of_another_company_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="is not an account number of this company"):
        position("one", number)
