"""A client that answers the question before a code, written from the contract."""

import hashlib
import re
from html import unescape
from itertools import count

import httpx

from svc_identity.texts import languages
from tests.svc_identity.app_client import AppClient, Page

_WORDS = re.compile(r'id="spoken">([^<]+)</p>')
_WORK = re.compile(r'data-prefix="([0-9a-f]+)" data-bits="(\d+)"')


def in_digits(page: httpx.Response, tag: str = "zh") -> str:
    """The digits that a page says in words."""
    texts = languages()[tag]
    found = _WORDS.search(page.text)
    assert found, page.text
    spoken = texts["digit_words"].split()
    return "".join(str(spoken.index(word)) for word in unescape(found[1]).split(texts["digit_comma"]))


def computed(page: httpx.Response, *, bits: int | None = None) -> str:
    """A number whose hash has the zero bits, or exactly `bits` of them."""
    found = _WORK.search(page.text)
    assert found, page.text
    wanted = int(found[2]) if bits is None else bits
    for number in count():
        digest = hashlib.sha256(f"{found[1]}:{number}".encode()).digest()
        zeros = 256 - int.from_bytes(digest, "big").bit_length()
        if zeros >= wanted and (bits is None or zeros == bits):
            return str(number)
    raise AssertionError


async def post(client: AppClient, page: httpx.Response, **typed: str) -> httpx.Response:
    """Post the form of a question; `typed` are the fields of the answer, or other ones in the place of the hidden."""
    form = Page(page).forms[0]
    return await client.api.post(form.action, data={**form.fields, **typed})


async def asked(client: AppClient, phone: str, **changes: str) -> httpx.Response:
    """The answer to a phone number."""
    return await client.type_phone(await client.begin(**changes), phone)
