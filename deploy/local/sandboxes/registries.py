"""Population and legal-entity registries without data.

Any valid ID number is on record under the first name it is checked with, and under no other from then on, unless
`/population/rename` changes it. Any valid USCC is an active organisation, unless its organisation code (characters 9 to
17) ends with 0000 (no record) or 9999 (revoked). Its legal representative is the first person it is asked about, until
`/legal-entities/appoint` names another.
"""

import re
from datetime import datetime, timedelta, timezone

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.local.sandboxes.base import Faults, application, open_state, parse, text

SCHEMA = """
CREATE TABLE IF NOT EXISTS persons (id_number TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS representatives (uscc TEXT PRIMARY KEY, officer TEXT NOT NULL) WITHOUT ROWID;
"""

CHINA = timezone(timedelta(hours=8))
# GB/T 2260 province (83: residence permits for people from Taiwan), rest of the division, birth, sequence. Foreigners'
# permanent residence cards: 9, province, country, birth, sequence.
PROVINCE = r"(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])"
ID_NUMBER = re.compile(rf"({PROVINCE}[0-9]|9{PROVINCE})[0-9]{{3}}(19|20)[0-9]{{9}}[0-9X]")
USCC_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC = re.compile(f"[{USCC_CHARACTERS}]{{2}}[0-9]{{6}}[{USCC_CHARACTERS}]{{10}}")


def create_app() -> Starlette:
    routes = [
        Route("/population/verify", verify_person, methods=["POST"]),
        Route("/population/rename", rename_person, methods=["POST"]),
        Route("/legal-entities/lookup", look_up_legal_entity, methods=["POST"]),
        Route("/legal-entities/representative", verify_representative, methods=["POST"]),
        Route("/legal-entities/appoint", appoint_representative, methods=["POST"]),
    ]
    return application(open_state("registries", SCHEMA), routes, Faults())


async def verify_person(request: Request) -> Response:
    await request.app.state.faults.delay_or_refuse()
    body = parse(await request.body())
    name, id_number = text(body, "name", r".{1,100}").strip(), text(body, "id_number")
    if not is_valid_id_number(id_number):
        return JSONResponse({"result": "no_record"})
    db = request.app.state.db
    db.execute("INSERT INTO persons VALUES (?, ?) ON CONFLICT DO NOTHING", (id_number, name))
    (on_record,) = db.execute("SELECT name FROM persons WHERE id_number = ?", (id_number,)).fetchone()
    return JSONResponse({"result": "match" if name == on_record else "no_match"})


async def rename_person(request: Request) -> Response:
    """Put another name on record, as the household registration office does."""
    body = parse(await request.body())
    renamed = text(body, "name", r".{1,100}").strip(), text(body, "id_number")
    found = request.app.state.db.execute("UPDATE persons SET name = ? WHERE id_number = ?", renamed)
    return JSONResponse({"renamed": bool(found.rowcount)})


async def look_up_legal_entity(request: Request) -> Response:
    await request.app.state.faults.delay_or_refuse()
    uscc = text(parse(await request.body()), "uscc")
    return JSONResponse({"result": legal_entity_status(uscc)})


async def verify_representative(request: Request) -> Response:
    await request.app.state.faults.delay_or_refuse()
    uscc, officer = officer_of(parse(await request.body()))
    if (status := legal_entity_status(uscc)) != "active":
        return JSONResponse({"result": status})
    db = request.app.state.db
    db.execute("INSERT INTO representatives VALUES (?, ?) ON CONFLICT DO NOTHING", (uscc, officer))
    (on_record,) = db.execute("SELECT officer FROM representatives WHERE uscc = ?", (uscc,)).fetchone()
    return JSONResponse({"result": "match" if officer == on_record else "no_match"})


async def appoint_representative(request: Request) -> Response:
    """Put another representative on record, as the registration authority does."""
    appointed = officer_of(parse(await request.body()))
    request.app.state.db.execute("INSERT OR REPLACE INTO representatives VALUES (?, ?)", appointed)
    return JSONResponse({"appointed": True})


def officer_of(body: dict[str, object]) -> tuple[str, str]:
    name, id_number = text(body, "name", r".{1,100}").strip(), text(body, "id_number")
    return text(body, "uscc"), f"{id_number} {name}"


def is_valid_id_number(id_number: str) -> bool:
    """GB 11643: a division, a date of birth that is not in the future, and the ISO 7064 MOD 11-2 check character."""
    if not ID_NUMBER.fullmatch(id_number):
        return False
    try:
        born = datetime.strptime(id_number[6:14], "%Y%m%d").replace(tzinfo=CHINA)
    except ValueError:
        return False
    weighted = sum(int(digit) * 2 ** (17 - n) for n, digit in enumerate(id_number[:17]))
    return born <= datetime.now(CHINA) and id_number[17] == "10X98765432"[weighted % 11]


def legal_entity_status(uscc: str) -> str:
    """GB 32100: the check character is the negated sum of values times powers of 3, modulo 31."""
    if not USCC.fullmatch(uscc):
        return "no_record"
    weighted = sum(USCC_CHARACTERS.index(character) * 3**n for n, character in enumerate(uscc[:17]))
    if uscc[17] != USCC_CHARACTERS[-weighted % 31]:
        return "no_record"
    return {"0000": "no_record", "9999": "revoked"}.get(uscc[13:17], "active")
