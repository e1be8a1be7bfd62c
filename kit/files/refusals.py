"""Why a whole file is refused."""

from chassis.problems import Problem


class GzipBroken(Problem):
    """A gzip file is cut or damaged, or is followed by other bytes."""

    status, code = 400, "gzip_broken"


class ZipBroken(Problem):
    """A ZIP file is cut, damaged, empty or locked, or two programs would unpack it differently."""

    status, code = 400, "zip_broken"


class WrongFileKind(Problem):
    """The bytes are of another kind of file than those that are read: `kind` says which."""

    status, code = 422, "wrong_file_kind"


class ArchiveUnclear(Problem):
    """A ZIP file has other files in it than the one to be read, or only others: `files` are their names."""

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


class UnsupportedContentEncoding(Problem):
    status, code = 415, "unsupported_content_encoding"
    headers = {"Accept-Encoding": "gzip"}  # noqa: RUF012 - the base class declares it a read-only Mapping


class WrongCharset(Problem):
    """The bytes say plainly that they are in another encoding than the label does."""

    status, code = 422, "wrong_charset"


class UndecodableBytes(Problem):
    """`byte` is the place of the first byte that is not text in `encoding`, counted from 0."""

    status, code = 422, "undecodable_bytes"


class NulCharacter(Problem):
    status, code = 422, "nul_character"


class DocumentUnknown(Problem):
    """It is no document of the types that are accepted, whatever it is called."""

    status, code = 422, "document_unknown"


class DocumentDamaged(Problem):
    status, code = 422, "document_damaged"


class DocumentAmbiguous(Problem):
    """Another file is in it, before, between or after its own parts."""

    status, code = 422, "document_ambiguous"


class DocumentActive(Problem):
    """A PDF file with scripts, attachments, commands or a password."""

    status, code = 422, "document_active"


class DocumentTooLarge(Problem):
    """It unpacks to more than anybody should have to open."""

    status, code = 422, "document_too_large"
