"""Printed receipts: complete, reproducible, in every language, with names never read as markup."""

import asyncio
import io

import pypdf
import pytest

from kit.etags import etag_of_content
from kit.papers import codes
from svc_payments.collection.payments.schemas import Prepaid
from svc_payments.documents.receipts import pdf, schemas
from svc_payments.documents.receipts.words import bilingual, choose, languages, words_in
from tests.svc_payments.documents.receipts.samples import ISSUED, bill, receipt, text_of

CODE = codes.new_code()
VERIFY_AT = "https://ili.example/payments/v1/verify-receipt"


async def test_the_print_shows_the_whole_payment() -> None:
    bills = [
        bill("B-0001", amount_fen=100_035, late_fee_fen=35),
        bill("B-0002", amount_fen=67_997, posting_status="pending"),
    ]
    text = text_of(await pdf.printed(receipt(bills), CODE, VERIFY_AT, "zh"))
    for expected in (
        "缴费电子凭证",
        "202603010000000001",
        "Sample Water Company",
        "水费",
        "******0013",
        "2026-03-01 00:30:00",
        "北京时间",
        "SANDBOX-TRANSACTION-1",
        "B-0001",
        "¥1,000.35",
        "¥0.35",
        "¥1,680.32",
        "人民币壹仟陆佰捌拾元零叁角贰分",
        "已收款，已销账",
        codes.shown(CODE),
        VERIFY_AT,
        "不是发票",
    ):
        assert expected in text, expected
    assert "6540000013" not in text
    assert "已退款" not in text


async def test_the_code_on_the_paper_links_to_its_verification() -> None:
    page = pypdf.PdfReader(io.BytesIO(await pdf.printed(receipt([bill("B-1")]), CODE, VERIFY_AT, "zh"))).pages[0]
    links = {each.get_object()["/A"]["/URI"] for each in page.annotations or ()}
    assert links == {f"{VERIFY_AT}?code={codes.shown(CODE)}"}


async def test_a_refund_is_on_the_paper_with_what_is_left() -> None:
    refund = schemas.ReceiptedRefund(number="R-0001", amount_fen=68_032, refunded_at=ISSUED)
    paid_back = receipt(standing="partly_refunded", refunded_fen=68_032, refunds=[refund])
    text = text_of(await pdf.printed(paid_back, CODE, VERIFY_AT, "zh"))
    assert "部分退款" in text
    assert "R-0001 2026-03-01 00:30:00 ¥680.32" in text
    assert "已退款 ¥680.32" in text
    assert "扣除退款后 ¥1,000.00" in text


async def test_the_payer_of_a_top_up_can_read_the_token_and_the_state_of_the_card() -> None:
    token = Prepaid(kind="token", token="1234567890" * 2, state=None)
    card = Prepaid(kind="write_card", token=None, state="to_write")
    bills = [bill("MYILI-1", kind="top_up", prepaid=token), bill("MYILI-2", kind="top_up", prepaid=card)]
    text = text_of(await pdf.printed(receipt(bills), CODE, VERIFY_AT, "en"))
    for expected in ("充值码", "Token for the meter", "1234 5678 9012 3456 7890", "待写卡", "To be written"):
        assert expected in text, expected


async def test_the_same_receipt_has_the_same_bytes_also_when_many_are_printed_at_once() -> None:
    issued = receipt()
    papers = await asyncio.gather(*(pdf.printed(issued, CODE, VERIFY_AT, "zh") for _ in range(8)))
    assert len(set(papers)) == 1
    assert etag_of_content(papers[0]) == etag_of_content(papers[7])
    changed = await pdf.printed(issued.model_copy(update={"standing": "refunded"}), CODE, VERIFY_AT, "zh")
    assert etag_of_content(changed) != etag_of_content(papers[0])


@pytest.mark.parametrize("language", sorted(languages() - {"zh"}))
async def test_every_language_stands_beside_chinese(language: str) -> None:
    content = await pdf.printed(receipt(), CODE, VERIFY_AT, language)
    assert content.startswith(b"%PDF-")
    assert b"pdfaid" in content, "a letter of this language is in none of the fonts"
    text = text_of(content)
    assert "缴费电子凭证" in text
    if words_in(language)["direction"] == "ltr":
        assert words_in(language)["title"] in text


@pytest.mark.parametrize("language", ["kk-Arab", "ug"])
async def test_arabic_script_is_set_from_right_to_left_in_its_own_font(language: str) -> None:
    said = bilingual("title", language)
    assert (said["language"], said["direction"]) == (language, "rtl")
    content = await pdf.printed(receipt(), CODE, VERIFY_AT, language)
    (page,) = pypdf.PdfReader(io.BytesIO(content)).pages
    assert any("NotoSansArabic" in font for font in page._get_fonts()[0])  # noqa: SLF001 - pypdf names them nowhere else


def test_every_language_has_all_words() -> None:
    assert languages() >= {"zh", "en", "kk-Arab", "ug"}
    for language in languages():
        assert words_in(language).keys() == words_in("zh").keys(), language
        assert all(words_in(language).values()), language


def test_the_language_is_the_readers_or_chinese() -> None:
    headers = ("ug-CN", "kk-KZ,ru;q=0.9", "ru,en;q=0.5", "ru", "", "en;q=0", ";;q=,")
    assert [choose(header) for header in headers] == ["ug", "kk-Arab", "en", "zh", "zh", "zh", "zh"]


async def test_names_are_never_read_as_markup() -> None:
    name = "#panic() *_<label> $x$ \\ // @cite"
    content = await pdf.printed(receipt(provider_name=name), CODE, VERIFY_AT, "zh")
    assert name.replace(" ", "") in text_of(content).replace(" ", "")


async def test_a_character_that_no_font_has_does_not_stop_the_paper() -> None:
    content = await pdf.printed(receipt(provider_name="𠮷 Sample Company"), CODE, VERIFY_AT, "zh")
    assert "Sample Company" in text_of(content)


async def test_fifty_bills_go_over_several_pages_that_are_numbered() -> None:
    content = await pdf.printed(receipt([bill(f"B-{number:04}") for number in range(50)]), CODE, VERIFY_AT, "zh")
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    assert len(pages) > 1
    assert f"1 / {len(pages)}" in " ".join(pages[0].extract_text().split())
    assert "B-0049" in text_of(content)
    assert len(content) < 200_000


async def test_the_file_has_a_title_and_no_author() -> None:
    content = await pdf.printed(receipt(), CODE, VERIFY_AT, "zh")
    metadata = pypdf.PdfReader(io.BytesIO(content)).metadata
    assert metadata is not None
    assert (metadata.title, metadata.author) == ("缴费电子凭证 202603010000000001", None)


@pytest.mark.parametrize(("number", "shown"), [("6540000013", "******0013"), ("123", "123"), ("", "")])
def test_an_account_number_shows_its_last_digits(number: str, shown: str) -> None:
    assert pdf.masked(number) == shown


async def test_receipts_of_several_companies_are_on_one_paper_with_their_sum() -> None:
    refunded = receipt(receipt_number="202603010000000002", amount_fen=500, refunded_fen=100)
    second = codes.new_code()
    receipts = [(receipt(amount_fen=100_035), CODE), (refunded, second)]
    for language in ("zh", "en", "kk-Arab", "ug"):
        content = await pdf.printed_together(receipts, VERIFY_AT, language)
        assert content == await pdf.printed_together(receipts[::-1], VERIFY_AT, language)
        links = {
            each.get_object()["/A"]["/URI"]
            for page in pypdf.PdfReader(io.BytesIO(content)).pages
            for each in page.annotations or ()
        }
        assert links == {f"{VERIFY_AT}?code={codes.shown(code)}" for code in (CODE, second)}
    text = text_of(await pdf.printed_together(receipts, VERIFY_AT, "zh"))
    for expected in (
        "¥1,005.35",
        "人民币壹仟零伍元叁角伍分",
        "¥1.00",
        "¥1,004.35",
        "Sample Water Company",
        "202603010000000002",
    ):
        assert expected in text, expected
    assert "6540000013" not in text
