"""The page of the question that stands before a code."""

from collections.abc import Mapping
from typing import NamedTuple

from starlette.responses import Response

from svc_identity.settings import Settings
from svc_identity.sign_in import pages
from svc_identity.sign_in.code_limits import QuestionNeeded
from svc_identity.sign_in.questions.service import new_question
from svc_identity.texts import choose_language, languages

_CARRIED = ("form_token", "request", "phone", "agreed", "device_confirmed", "ui_locales")
"""The fields of the form before, which come again with the answer."""


class Place(NamedTuple):
    """Before which code a question stands."""

    phone: str
    address: str
    """The network address that asks."""
    action: str
    """Where the answer goes: to the address of the form that asked for the code."""
    back: str
    """Where another number can be typed."""


def question_page(
    settings: Settings,
    language: str,
    refused: QuestionNeeded,
    fields: Mapping[str, str],
    place: Place,
) -> Response:
    """Ask before a code is sent.

    Args:
        settings: of the service.
        language: of the page.
        refused: why it asks.
        fields: of the form that asked for the code.
        place: where the question stands.
    """
    question = new_question(settings, place.phone, place.address, refused.bits)
    texts = languages()[choose_language(language, "")]
    spoken = texts["digit_words"].split()
    wrong = texts["question_wrong"] if "question" in fields else ""
    answer = pages.page(
        "question.html",
        language,
        status=refused.status,
        script=True,
        carried={name: fields[name] for name in _CARRIED if name in fields},
        question=question,
        words=texts["digit_comma"].join(spoken[int(digit)] for digit in question.digits),
        takes_words=not refused.words_in,
        words_in=pages.wait_in(language, refused.words_in),
        wrong=wrong,
        action=place.action,
        back=place.back,
    )
    answer.headers["Retry-After"] = f"{refused.wait}"
    return answer
