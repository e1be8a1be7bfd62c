"""Papers of a sample template: what every template can rely on."""

import asyncio
import io
from datetime import UTC, datetime
from pathlib import Path

import pypdf
import pytest
import typst

from kit import papers

ISSUED = datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)
TEMPLATE = """
#import "paper.typ": *
#let data = json(bytes(sys.inputs.data))
#show: paper.with(title: "Sample", number: data.number, foot: [Foot])
#head("Name", "Sample", none)
#facts((("Label", data.name),))
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return file_in(tmp_path / "templates", "sample.typ", TEMPLATE)


def file_in(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(text, "utf-8")
    return file


def text_of(content: bytes) -> str:
    return " ".join(pypdf.PdfReader(io.BytesIO(content)).pages[0].extract_text().split())


async def test_the_same_data_give_the_same_bytes_also_when_many_are_set_at_once(template: Path) -> None:
    data = {"number": "1", "name": "伊犁"}
    made = await asyncio.gather(*(papers.pdf(template, data, issued_at=ISSUED) for _ in range(6)))
    assert len(set(made)) == 1
    assert await papers.pdf(template, data | {"name": "Іле"}, issued_at=ISSUED) != made[0]


async def test_the_paper_is_from_the_day_it_was_issued_and_fit_for_an_archive(template: Path) -> None:
    content = await papers.pdf(template, {"number": "1", "name": "x"}, issued_at=ISSUED)
    facts = pypdf.PdfReader(io.BytesIO(content)).metadata
    assert facts is not None
    assert (facts.title, facts.creation_date) == ("Sample 1", ISSUED)
    assert b"pdfaid" in content


@pytest.mark.parametrize("name", ["伊犁", "ئىلى", "Іле Қ", "Ili"])
async def test_every_script_of_ili_has_a_font_of_ours(template: Path, name: str) -> None:
    assert b"pdfaid" in await papers.pdf(template, {"number": "1", "name": name}, issued_at=ISSUED)


async def test_a_character_that_no_font_has_does_not_stop_the_paper(template: Path) -> None:
    content = await papers.pdf(template, {"number": "1", "name": "𠮷 and more"}, issued_at=ISSUED)
    assert b"pdfaid" not in content
    assert "and more" in text_of(content)


async def test_data_are_never_read_as_markup(template: Path) -> None:
    name = '#panic() #read("sample.typ") *x* $y$ @z'
    assert name in text_of(await papers.pdf(template, {"number": "1", "name": name}, issued_at=ISSUED))


async def test_a_template_reads_what_is_in_its_own_folder(template: Path) -> None:
    file_in(template.parent, "beside.txt", "from beside")
    template = file_in(template.parent, "reader.typ", '#read("beside.txt")')
    assert "from beside" in text_of(await papers.pdf(template, {}, issued_at=ISSUED))


@pytest.mark.parametrize("path", ["../secret.txt", "/../secret.txt", "{secret}", "pyproject.toml"])
async def test_a_template_reads_nothing_else(template: Path, path: str) -> None:
    secret = file_in(template.parent.parent, "secret.txt", "secret")
    template = file_in(template.parent, "reader.typ", f'#read("{path.format(secret=secret)}")')
    with pytest.raises(typst.TypstError):
        await papers.pdf(template, {}, issued_at=ISSUED)
