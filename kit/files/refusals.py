"""Why a whole file is refused."""

from chassis.problems import Problem


class GzipBroken(Problem):
    """A gzip or ZIP file is cut or damaged, has no file in it, or is followed by other bytes."""

    status, code = 400, "gzip_broken"


class ArchiveUnclear(Problem):
    """A ZIP file has other files in it than one to be read: `files` are their names."""

    status, code = 422, "archive_unclear"


class UnclosedQuote(Problem):
    """A quote opened in `row` is not closed where its value has to end."""

    status, code = 422, "unclosed_quote"


class MisplacedQuote(Problem):
    """There is text after the closing quote of a value in `row`, so where the value ends is ambiguous."""

    status, code = 422, "misplaced_quote"


class FieldTooLong(Problem):
    """A quoted field makes `row` longer than a row may be; whether its quote closes later is not looked for."""

    status, code = 422, "field_too_long"
