"""Schemathesis calls every operation of the Admin API as its document says, and otherwise."""

import re

import pytest

from tests.admin.api.served import served
from tests.admin.desk import employ, id_of
from tests.admin.machine import program
from tests.documents import ROOT
from tests.schemathesis_run import OF_WHOM_IS_LET_IN, Fuzz

HERE = ROOT / "tests" / "admin" / "api"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def fuzz(house, tmp_path):
    """Call the house with this token; with which statuses each operation answered."""
    config = HERE / "schemathesis.toml"
    return Fuzz(house, tmp_path, "/admin/api/openapi.json", config, template)


def template(path):
    """Name the operation that a path belongs to, literal paths first."""
    paths = sorted(served()["paths"], key=lambda each: each.count("{"))
    fits = (each for each in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]*", each), path))
    return next(fits, path)


def operations(*, secured):
    return {
        (method.upper(), path)
        for path, item in served()["paths"].items()
        for method, call in item.items()
        if bool(call["security"]) is secured
    }


@pytest.fixture
async def known(house):
    phone = await house.bind()
    await employ(house, "anna")
    person = await id_of(house, house.holder)
    return {"URA": house.holder.ura, "PERSON": person, "PHONE": phone.credential_id}


async def test_who_has_no_token_gets_nothing_whatever_is_called(fuzz, known):
    statuses = await fuzz(known, "", "--mode", "positive", "--exclude-checks", OF_WHOM_IS_LET_IN)

    assert operations(secured=True) <= statuses.keys()
    assert {call for call in operations(secured=True) if statuses[call] != {401}} == set()


async def test_a_program_is_answered_as_the_document_says(fuzz, known, house):
    who = await program(house)

    statuses = await fuzz(known, who.token)

    assert operations(secured=True) <= statuses.keys()
    assert {call for call in operations(secured=True) if 500 in statuses[call]} == set()
    organisation = "/admin/api/organisations/{ura}"
    assert {200, 400} <= statuses["GET", f"{organisation}/people"]
    assert 200 in statuses["GET", f"{organisation}/people/{{person}}"]
    assert {400} <= statuses["POST", f"{organisation}/people"]
    assert {204, 409} & statuses[
        "POST", f"{organisation}/people/{{person}}/phones/{{phone}}/block"
    ]
    assert 400 in statuses["PUT", f"{organisation}/people/{{person}}/name"]


async def test_a_program_that_may_see_the_log_alone_is_refused_as_the_document_says(
    fuzz, known, house
):
    who = await program(house, "see_log")

    statuses = await fuzz(known, who.token, "--mode", "positive")

    other = {call for call in operations(secured=True) if "/log" not in call[1]}
    assert {call for call in other if statuses[call] != {403}} == set()
