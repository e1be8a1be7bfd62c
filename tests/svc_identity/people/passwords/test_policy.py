"""Which passwords can be chosen: long enough, not what many choose, and nothing else."""

import pytest

from svc_identity.people.passwords.policy import LONGEST, SHORTEST, Weak, fault_of

PHONE = "+8613812345078"


@pytest.mark.parametrize(
    "password",
    [
        "伊犁河谷的薰衣草田",
        "four plain words here",
        "خورغاستان كەلگەن قىز",
        "x7!kQw2z",
        "a" * 3 + "bcde fgh" * 31,
        "🌾🏔🐎🍎🍇🌻🚜🎻",
        "19991332",
        "Tr0ub4dor&3",
    ],
)
def test_any_kind_of_characters_will_do(password: str) -> None:
    assert fault_of(password, PHONE) is None


@pytest.mark.parametrize(
    "password",
    [
        *("12345678", "87654321", "90123456", "abcdefgh", "hgfedcba", "11111111", "12121212", "66668888", "520520520"),
        *("password1", "Password", "iloveyou", "1q2w3e4r", "qwertyuiop", "1qaz2wsx", "asdfghjkl", "trustno1"),
        *("woaini1314", "WoAiNi520", "woaini 520", "zhangwei888", "xinjiang2026", "a123456789", "qq123456789"),
        *(
            "５２０１３１４５２０",
            "ｐａｓｓｗｏｒｄ",
            "19900101",
            "20261130",
            "13987654321",
            "myili12345",
            "!!!admin!!!",
        ),
        *("abcabcabc", "wo1wo1wo1wo1", "yili2026yili2026", "147258147258", "!!!admin!!!"),
    ],
)
def test_what_many_choose_is_refused(password: str) -> None:
    assert fault_of(password, PHONE) is Weak.COMMON


@pytest.mark.parametrize("password", ["13812345078", "+86 138 1234 5078", "my13812345078", "12345078", "38123450"])
def test_the_own_number_is_refused(password: str) -> None:
    assert fault_of(password, PHONE) is Weak.PERSONAL


def test_length_is_counted_in_characters_of_one_form() -> None:
    decomposed = "e\u0301" * (SHORTEST - 1)
    assert fault_of(decomposed, PHONE) is Weak.SHORT
    assert fault_of("xq9 " * (LONGEST // 4), PHONE) in {None, Weak.COMMON}
    assert fault_of("xq9k" * (LONGEST // 4) + "z", PHONE) is Weak.LONG
    assert fault_of("kq-zw8!", PHONE) is Weak.SHORT
