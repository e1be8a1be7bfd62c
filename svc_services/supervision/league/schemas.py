from pydantic import BaseModel, ConfigDict


class LeagueLine(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    key: str
    """Id of the provider, code of the division, or kind of application."""
    name: str
    """In Chinese."""
    cases: int
    """Ended in the month."""
    on_time_share: float
    """Of those, how many used no more working days than promised; 0 to 1."""
    median_days: int
    """Working days of the median case."""
    p90_days: int
    """Working days within which nine of ten cases ended."""
    ratings: int | None
    average_grade: float | None
    """Of the ratings of the month that stand, 1 to 5; null for fewer than ten."""
    complaints: int | None
    """Filed in the month and accepted; null for fewer than ten, and by kind of application."""


class League(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    month: str
    by: str
    fewest_cases: int
    """Groups with fewer cases are not listed."""
    items: list[LeagueLine]


class ComplaintFigure(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    key: str
    """Id of the provider, or code of the division."""
    name: str
    """In Chinese."""
    complaints: int
    """Filed in the month and accepted."""


class ComplaintFigures(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    month: str
    by: str
    fewest_complaints: int
    """Groups with fewer complaints are not listed."""
    items: list[ComplaintFigure]
