"""Answers of outside systems that two readers could understand differently are refused."""

import pytest
from pydantic import BaseModel

from kit.strict_json import answer_of


class Sum(BaseModel):
    amount_fen: int
    more: object = None


def test_an_answer_is_read_with_what_it_has_besides() -> None:
    assert answer_of(Sum, b' {"amount_fen": 500, "more": [{"a": 1}, {"a": 2}], "later": null}\n').amount_fen == 500


@pytest.mark.parametrize(
    "content",
    [
        b'{"amount_fen": 500, "amount_fen": 1}',
        b'{"amount_fen": 500, "\\u0061mount_fen": 500}',
        b'{"amount_fen": 500, "later": [{"a": {"b": 1, "b": 1}}]}',
        b'{"amount_fen": 500, "later": NaN}',
        b'{"amount_fen": 500, "later": -Infinity}',
        b'{"amount_fen": 500, "later": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"amount_fen": 500, "later": ' + b"9" * 5_000 + b"}",
        b'\xef\xbb\xbf{"amount_fen": 500}',
        '{"amount_fen": 500}'.encode("utf-16"),
        b'{"amount_fen": 500, "later": "\xff"}',
        b'{"amount_fen": 5.5}',
        b"{}",
        b"",
    ],
)
def test_everything_else_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the class is the contract
        answer_of(Sum, content)
