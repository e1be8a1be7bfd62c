"""Names: which are taken, how they are compared, and why others are refused."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from chassis.text import Line
from svc_identity.people.names import PersonName, mask_name, normalise_name

NAMES: TypeAdapter[str] = TypeAdapter(PersonName)


@pytest.mark.parametrize(
    "name",
    [
        *("张三", "王", "欧阳小明", "刘〇", "㐀𠀀", "努尔兰·哈山", "买买提·艾力·玉素甫"),
        *("نۇرلان", "ٴادىل", "ئايگۈل·ئەلى", "J.R.", "Zoë"),
        *("Айгүл Нұрлан", "Anne-Marie O’Neil", "John R. Smith", "J.R. Smith", "Martin Luther Jr.", "A" * 50),
    ],
)
def test_what_people_are_called_is_taken_as_it_is(name: str) -> None:
    assert NAMES.validate_python(name) == name


@pytest.mark.parametrize("dot", "•・･⋅‧∙．·")
def test_every_dot_of_a_keyboard_is_the_one_of_the_registry(dot: str) -> None:
    assert NAMES.validate_python(f"努尔兰{dot}哈山") == "努尔兰·哈山"


def test_names_are_compared_composed() -> None:
    assert NAMES.validate_python(unicodedata.normalize("NFD", " Zoë ")) == "Zoë"


@pytest.mark.parametrize(
    ("name", "because"),
    [
        *(
            (name, "made of letters")
            for name in ("·", "-", "张三1", "张三１", "<b>", "张三😀", "张\u20dd三1", "A, B", "张@")
        ),
        *((name, "at most 50 letters") for name in ("张" * 51, "é" * 51)),
        *((name, "between two parts") for name in ("努尔兰 ·哈山", "努尔兰· 哈山", "努尔兰 • 哈山", "努尔兰··哈山")),
        *((name, "between two parts") for name in ("·哈山", "哈山·", "Anne  Marie", "Anne- Marie", "-Anne", "\u0301A")),
        *((name, "invisible characters") for name in ("张\u0000三", "张\u200b三", "张\n三", "\u202e张三")),
    ],
)
def test_another_text_is_refused_with_its_reason_and_without_the_text(name: str, because: str) -> None:
    with pytest.raises(ValidationError) as refused:
        NAMES.validate_python(name)
    (fault,) = refused.value.errors()
    assert because in fault["msg"]
    assert name not in fault["msg"] or name == "-"


@given(st.text(max_size=60))
def test_a_normal_form_is_normal_and_masked_in_part(typed: str) -> None:
    try:
        name = NAMES.validate_python(typed)
    except ValidationError:
        return
    assert normalise_name(name) == name == TypeAdapter(Line).validate_python(name)
    masked = mask_name(name)
    assert len(masked) == len(name)
    assert "*" in masked
    assert masked.replace("*", "") in {"", name[0]}
