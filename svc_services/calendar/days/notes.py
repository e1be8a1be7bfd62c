"""What is said of a day in a year whose holidays are not known yet."""

from kit.fields.labels import Label

BY_WEEKDAYS = Label(
    zh="该年节假日安排尚未公布，暂按周一至周五计算，公布后更正。",
    en="Holidays not published yet: Monday to Friday until they are.",
    kk="مەرەكە كەستەسى جاريالانباعان، دۇيسەنبى مەن جۇما ارالىعى",
    ug="دەم ئېلىش جەدۋىلى ئېلان قىلىنمىدى، دۈشەنبە–جۈمە ھېسابلىنىدۇ",
)
"""Kept short: a label has 60 characters."""
