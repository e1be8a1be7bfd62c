"""Why a whole file is not taken in, and why a single row is not."""

from collections.abc import Mapping
from enum import StrEnum

from chassis.problems import Problem


class ProviderNotReady(Problem):
    """The caller's approval has not reached this service yet; it does within seconds."""

    status, code = 409, "provider_not_ready"
    headers = {"Retry-After": "2"}  # noqa: RUF012 - the base class declares it a read-only Mapping


class UnsupportedContentEncoding(Problem):
    status, code = 415, "unsupported_content_encoding"
    headers = {"Accept-Encoding": "gzip"}  # noqa: RUF012 - the base class declares it a read-only Mapping


class BodyTruncated(Problem):
    """The connection ended, or the body did, before all that Content-Length announced was here."""

    status, code = 400, "body_truncated"


class GzipBroken(Problem):
    status, code = 400, "gzip_broken"


class BadHeader(Problem):
    """A header that this request needs is missing or cannot be read."""

    status, code = 400, "bad_header"


class DigestMismatch(Problem):
    """The bytes do not come to what the client said; they were changed on their way, or before it."""

    status, code = 400, "digest_mismatch"


class WrongCharset(Problem):
    """The bytes say plainly that they are in another encoding than the label does."""

    status, code = 422, "wrong_charset"


class UndecodableBytes(Problem):
    """`byte` is the place of the first byte that is not text in `encoding`, counted from 0."""

    status, code = 422, "undecodable_bytes"


class NulCharacter(Problem):
    status, code = 422, "nul_character"


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


class UnclosedQuote(Problem):
    """A quote opened in `row` is still open where the file ends."""

    status, code = 422, "unclosed_quote"


class FieldTooLong(Problem):
    """A quoted field makes `row` longer than a row may be; whether its quote closes later is not looked for."""

    status, code = 422, "field_too_long"


class LineTooLong(Problem):
    status, code = 422, "line_too_long"


class TooManyLines(Problem):
    status, code = 422, "too_many_lines"


class Reason(StrEnum):
    """Why a row is refused; the words stand in `messages/` under the same codes."""

    WRONG_COLUMN_COUNT = "wrong_column_count"
    BAD_BILL_NUMBER = "bad_bill_number"
    BAD_ACCOUNT_NUMBER = "bad_account_number"
    BAD_ACCOUNT_CHECK_DIGIT = "bad_account_check_digit"
    BAD_PERIOD = "bad_period"
    FUTURE_PERIOD = "future_period"
    BAD_USAGE = "bad_usage"
    BAD_AMOUNT = "bad_amount"
    AMOUNT_NOT_POSITIVE = "amount_not_positive"
    AMOUNT_TOO_LARGE = "amount_too_large"
    BAD_DUE_DATE = "bad_due_date"
    BAD_METER_READING = "bad_meter_reading"
    BAD_EXPIRY = "bad_expiry"
    BAD_SUPERSEDES = "bad_supersedes"
    BAD_REASON = "bad_reason"
    BAD_NOTE = "bad_note"
    MERGED_CELLS = "merged_cells"
    VALUE_CHANGED = "value_changed"
    """A spreadsheet has rounded a number, or made a day of it; what was typed cannot be told."""
    FORMULA_WITHOUT_VALUE = "formula_without_value"
    DUPLICATE_IN_FILE = "duplicate_in_file"
    BILL_ALREADY_PAID = "bill_already_paid"
    BILL_PARTLY_PAID = "bill_partly_paid"
    PAYMENT_IN_PROGRESS = "payment_in_progress"
    BILL_VOID = "bill_void"
    BILL_EXPIRED = "bill_expired"
    BILL_SUPERSEDED = "bill_superseded"
    BILL_NUMBER_RESERVED = "bill_number_reserved"
    SUPERSEDED_UNKNOWN = "superseded_unknown"
    SUPERSEDED_NOT_DUE = "superseded_not_due"


AS_IN_1_0: Mapping[Reason, Reason] = {
    Reason.BAD_EXPIRY: Reason.BAD_DUE_DATE,
    Reason.BAD_SUPERSEDES: Reason.BAD_BILL_NUMBER,
    Reason.BAD_REASON: Reason.WRONG_COLUMN_COUNT,
    Reason.BAD_NOTE: Reason.WRONG_COLUMN_COUNT,
    Reason.MERGED_CELLS: Reason.WRONG_COLUMN_COUNT,
    Reason.VALUE_CHANGED: Reason.BAD_BILL_NUMBER,
    Reason.FORMULA_WITHOUT_VALUE: Reason.WRONG_COLUMN_COUNT,
    Reason.BILL_PARTLY_PAID: Reason.BILL_ALREADY_PAID,
    Reason.BILL_VOID: Reason.BILL_ALREADY_PAID,
    Reason.BILL_EXPIRED: Reason.BILL_ALREADY_PAID,
    Reason.BILL_SUPERSEDED: Reason.BILL_ALREADY_PAID,
    Reason.BILL_NUMBER_RESERVED: Reason.BAD_BILL_NUMBER,
    Reason.SUPERSEDED_UNKNOWN: Reason.BAD_BILL_NUMBER,
    Reason.SUPERSEDED_NOT_DUE: Reason.BAD_BILL_NUMBER,
}
"""Contract 1.0.0 promised a closed list of reasons. Its clients are told the nearest of them for those that came later,
which stand in `code`."""
