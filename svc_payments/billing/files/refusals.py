"""Why a whole file is refused."""

from chassis.problems import Problem


class EmptyFile(Problem):
    status, code = 422, "empty_file"


class WrongHeader(Problem):
    status, code = 422, "wrong_header"


class OtherProvidersFile(Problem):
    """The rows say themselves that they are another provider's bills."""

    status, code = 403, "other_providers_file"


class WorkbookBroken(Problem):
    """The file is no workbook in the format of .xlsx files, or a damaged or locked one."""

    status, code = 422, "workbook_broken"


class WorkbookTooLarge(Problem):
    """It is small as a file, but not what it unpacks to."""

    status, code = 413, "workbook_too_large"


class SeveralSheets(Problem):
    """More than one of the `sheets`, counted from 1, may be the table of bills."""

    status, code = 422, "several_sheets"


class LineTooLong(Problem):
    status, code = 422, "line_too_long"


class TooManyLines(Problem):
    status, code = 422, "too_many_lines"
