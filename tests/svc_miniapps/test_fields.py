"""What two names have in common for a reader."""

import pytest

from svc_miniapps.apps.names.service import flags_of
from svc_miniapps.fields import key_of

CYRILLIC_KAZAKH = "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэя"
"""Without the ю: its capital looks like IO."""
ARABIC_KAZAKH = "اەبۆگعدجيكقلمنوپرستۋۇفحچشىزڭ"
UYGHUR = "ئابپتجچخدرزژسشغفقكگڭلمنھوۇۆۈۋېىي"


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("停车泊位", "停车\u3164泊位"),
        ("停车泊位", "停车\ufe0f泊位"),
        ("停车泊位", "停车\u034f泊\U000e0100位"),
        ("停车泊位", "停车　泊 位"),
        ("停车泊位", "停車泊位"),
        ("支付宝", "支付寶"),
        ("Parking", "ＰＡＲＫＩＮＧ"),
        ("Parking", "Pаrking"),  # Cyrillic
        ("paypal", "PayPaI"),
        ("paypal", "paypa1"),
        ("NIO", "ΝΙΟ"),  # Greek
        ("OK100", "0KlOO"),
        ("modern", "modem"),
        ("口岸通", "ロ岸通"),  # Katakana
        ("ىلى", "يلي"),
        ("straße", "STRASSE"),
        ("é", "e\u0301"),
        ("كوك بازار", "كــوك بازارـ"),
        ("كوك", "كوك\u064b"),
        ("ٴات", "ءات"),
        ("伊宁停车X", "伊宁·停车X"),
        ("伊宁停车X", "「伊宁-停车X！」™."),
        ("伊宁停车X", "伊宁停车X\u0332"),
        ("Paycheck", "Pay_check-"),
        ("paypal", "paypa|"),
        ("户口", "戸口"),
        ("国", "囯"),
        ("国", "囻"),
        ("宁", "甯"),
        ("日", "曰"),
        ("未来", "末来"),
        ("人口", "入口"),
        ("己", "巳"),
    ],
)
def test_names_that_look_the_same_have_one_key(name: str, same: str) -> None:
    assert key_of(name) == key_of(same) != ""


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("停车泊位", "停车场"),
        ("伊宁停车", "伊犁停车"),
        ("Parking 1", "Parking 2"),
        ("ۇيعۇر", "ويعور"),
        ("ماڭ", "مان"),
        ("é", "e"),
        ("u", "y"),
        ("v", "n"),
    ],
)
def test_names_that_differ_have_two_keys(name: str, other: str) -> None:
    assert key_of(name) != key_of(other)


@pytest.mark.parametrize("letter", CYRILLIC_KAZAKH)
def test_case_makes_no_other_name(letter: str) -> None:
    assert key_of(letter) == key_of(letter.upper())


@pytest.mark.parametrize(("alphabet", "alike"), [(ARABIC_KAZAKH, "يى"), (UYGHUR, "يى")])
def test_letters_of_an_alphabet_stay_apart(alphabet: str, alike: str) -> None:
    """But for those that have one shape within a word."""
    keys = {key_of(letter) for letter in alphabet}
    assert len(keys) == len(alphabet) - len(alike) + 1


@pytest.mark.parametrize(
    "hidden",
    list(
        "\u00ad\u034f\u061c\u115f\u1160\u17b4\u180b\u200b\u200d\u202e\u2066\u2800\u3000\u3164\ufe0f\ufeff\uffa0\U000e0100"
    ),
)
def test_what_shows_nothing_has_no_key(hidden: str) -> None:
    assert key_of(hidden) == ""
    assert key_of(f"停{hidden}车") == key_of("停车")


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("伊宁市公安局", ["government"]),
        ("伊寧市公安局", ["government"]),
        ("微 信缴费", ["payment"]),
        ("Alipaу pay", ["payment"]),
        ("国家电网缴费", ["government", "utility"]),
        ("ھۆكۈمەت", ["government"]),
        ("Taxi Yining", []),
        ("Tax Yining", ["government"]),
        ("停车泊位", []),
        ("Alipay甲乙丙", ["payment"]),
        ("WeСhat缴费", ["payment"]),
        ("UnionPay卡", ["payment"]),
        ("A l i p a y", ["payment"]),
        ("京东支付", ["payment"]),
        ("PayPaI", ["payment"]),
        ("Visa卡", ["payment"]),
        ("徽信", ["payment"]),
        ("攴付宝", ["payment"]),
        ("支·付·宝", ["payment"]),
        ("الىپاي", ["payment"]),
        ("Advisable", []),
    ],
)
def test_names_of_those_with_power_are_flagged(name: str, flags: list[str]) -> None:
    assert flags_of([name]) == flags
