"""Amounts as people write them, from whole fen."""

from decimal import Decimal

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")
_GROUP = 10_000
_FEN_OF_YUAN = 100
LARGEST = 10**16 * _FEN_OF_YUAN - 1


def in_digits(fen: int) -> str:
    """Such as ¥1,680.32."""
    sign = "-" if fen < 0 else ""
    return f"{sign}¥{abs(fen) // _FEN_OF_YUAN:,}.{abs(fen) % _FEN_OF_YUAN:02}"


def in_yuan(fen: int) -> Decimal:
    """For tables, where readers calculate with it."""
    return Decimal(fen).scaleb(-2)


def money(**fen: int) -> dict[str, int | str]:
    """Amounts for a refusal, to reckon with and to read: `money(least=500)` is least_fen 500 and least ¥5.00."""
    return {f"{name}_fen": value for name, value in fen.items()} | {
        name: in_digits(value) for name, value in fen.items()
    }


def in_capitals(fen: int) -> str:
    """Such as 人民币壹仟陆佰捌拾元零叁角贰分, as 正确填写票据和结算凭证的基本规定 has it.

    Where the rule leaves a 零 open (after a yuan digit that is 0), it is written; after 角 no 整 is.

    Raises:
        OverflowError: not an amount of 0 to 9,999,999,999,999,999.99 yuan.
    """
    if not 0 <= fen <= LARGEST:
        raise OverflowError("an amount in capital numerals is not negative and below ten thousand million million yuan")
    yuan, (jiao, last) = fen // _FEN_OF_YUAN, divmod(fen % _FEN_OF_YUAN, 10)
    if not fen % _FEN_OF_YUAN:
        return f"人民币{_whole(yuan) or _DIGITS[0]}元整"
    text = f"{_whole(yuan)}元" if yuan else ""
    if yuan and (jiao == 0 or yuan % 10 == 0):
        text += _DIGITS[0]
    if jiao:
        text += f"{_DIGITS[jiao]}角"
    if last:
        text += f"{_DIGITS[last]}分"
    return f"人民币{text}"


def _whole(number: int) -> str:
    """Read in groups of four digits, as Chinese counts; empty for 0."""
    text, waiting = "", False
    for place in range(len(_GROUPS) - 1, -1, -1):
        group = number // _GROUP**place % _GROUP
        if not group:
            waiting = bool(text)
            continue
        if text and (waiting or group < _GROUP // 10):
            text += _DIGITS[0]
        text += _of_four(group) + _GROUPS[place]
        waiting = False
    return text


def _of_four(group: int) -> str:
    text, waiting = "", False
    for place in range(3, -1, -1):
        digit = group // 10**place % 10
        if not digit:
            waiting = bool(text)
            continue
        text += (_DIGITS[0] if waiting else "") + _DIGITS[digit] + _PLACES[place]
        waiting = False
    return text
