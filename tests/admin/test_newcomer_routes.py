"""The pages by which somebody comes to work for the organisation."""

import pytest

from pairing_server.registry import identity_checks, offers, organisations, people
from pairing_server.registry.identity_checks import CheckStatus
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import at_work, employ

NEW = "/admin/people/new"
OFFERS = "/admin/people/offers"
GEA = {"first_names": "Gea", "last_name": "Gast", "role_codes": "01.015"}
GUEST = {**GEA, "uzi_number": "911111111", "kind": "guest", "valid_until": "31-12-2027"}
BORN = {"date_of_birth": "31-01-1980"}


@pytest.fixture
async def operator(house):
    return await at_work(house, AdministrativeRole.OPERATOR)


def document(house):
    return {
        "document_kind": "id_card",
        "document_ending": "AB12",
        "document_country": "NLD",
        "checked_on": house.ports.clock().date().isoformat(),
    }


async def open_offers(house):
    return await house.registry.read(lambda tx: offers.of_organisation(tx, house.holder.ura))


async def test_there_are_three_ways(operator):
    shown = await operator.get(NEW)

    assert shown.page.mistakes == []
    assert {each["action"] for each in shown.page.all("form")} >= {
        f"{NEW}/{way}" for way in ("offer", "invite", "register")
    }


async def test_a_guest_is_asked_and_stands_in_the_list_until_withdrawn(house, operator):
    answer = await operator.post(f"{NEW}/offer", GUEST)
    shown = await operator.get(answer.location)

    assert answer.location == f"{OFFERS}?done=offered"
    assert shown.page.mistakes == []
    row = shown.page.one("tbody").text
    assert "Gea Gast" in row
    assert "911111111" in row
    (offered,) = await open_offers(house)
    gone = await operator.post(f"{OFFERS}/{offered.id}/withdraw")
    assert gone.location == f"{OFFERS}?done=withdrawn"
    assert await open_offers(house) == []
    assert not (await operator.get(OFFERS)).page.all("table")


async def test_somebody_is_invited_by_name(house, operator):
    answer = await operator.post(f"{NEW}/invite", {**GEA, **BORN})
    shown = await operator.get(answer.location)

    assert shown.page.heading == "Gea Gast"
    assert "The record waits" in shown.text


@pytest.mark.parametrize(
    ("way", "changed", "field"),
    [
        ("offer", {"uzi_number": "12"}, "uzi_number"),
        ("offer", {"first_names": ""}, "first_names"),
        ("offer", {"kind": "guest", "valid_until": ""}, "valid_until"),
        ("invite", {"date_of_birth": "31-02-1980"}, "date_of_birth"),
        ("invite", {"last_name": "999993653"}, "last_name"),
        ("register", {"document_kind": ""}, "document_kind"),
        ("register", {"document_ending": "SPECI2014"}, "document_ending"),
        ("register", {"document_country": "Nederland"}, "document_country"),
        ("register", {"checked_on": "1-1-2020"}, "checked_on"),
    ],
)
async def test_a_form_says_which_field_is_wrong(house, operator, way, changed, field):
    typed = {**GUEST, **BORN, **document(house), "kind": "employee", "valid_until": ""}

    shown = await operator.post(f"{NEW}/{way}", {**typed, **changed})

    assert shown.status == 422
    assert shown.page.mistakes == []
    (wrong,) = [each for each in shown.page.elements if "aria-invalid" in each.attributes]
    assert (wrong["id"], wrong["name"]) == (f"{way}-{field}", field)
    assert "31-01-1980" not in shown.text
    assert await open_offers(house) == []
    assert await house.registry.read(lambda tx: people.by_user_name(tx, "gea.gast")) is None


async def test_who_is_known_here_is_pointed_to(house, operator):
    first = await operator.post(f"{NEW}/invite", {**GEA, **BORN})
    person_id = first.location.split("/")[3]

    shown = await operator.post(f"{NEW}/invite", {**GEA, **BORN})

    assert shown.status == 422
    assert shown.page.all("a", href=f"/admin/people/{person_id}/membership")


async def test_somebody_without_a_card_is_registered_face_to_face(house, operator):
    answer = await operator.post(f"{NEW}/register", {**GEA, **BORN, **document(house)})

    assert answer.location.startswith("/admin/people/registrations/")
    shown = await operator.get(answer.location)
    assert shown.page.mistakes == []
    facts = shown.page.one("dl").text
    assert "Gea Gast" in facts
    assert "Identity card NLD …AB12" in facts


async def test_what_waits_for_a_second_stands_in_the_list(house, operator):
    policy = {"second": ["register_2b"]}
    await house.registry.commit(
        lambda tx: organisations.set_admin_policy(tx, house.holder.ura, policy)
    )
    answer = await operator.post(f"{NEW}/register", {**GEA, **BORN, **document(house)})
    check_id = answer.location.rsplit("/", 1)[1]

    shown = await operator.get(OFFERS)

    assert shown.page.all("a", href=answer.location)
    found = await house.registry.read(lambda tx: identity_checks.get(tx, check_id))
    assert found.status is CheckStatus.AWAITS_SECOND


async def test_offers_of_others_are_not_listed(house, operator):
    theirs = await at_work(house, AdministrativeRole.OPERATOR, "els", "90000777")
    await theirs.post(f"{NEW}/offer", GUEST)

    assert not (await operator.get(OFFERS)).page.all("table")


async def test_a_person_who_works_here_is_not_asked(house, operator):
    await employ(house, "nina")

    def number(tx):
        known = people.get_person(tx, "nina")
        people.update_person(tx, type(known)(**{**_fields(known), "uzi_number": "911111111"}))

    await house.registry.commit(number)

    shown = await operator.post(f"{NEW}/offer", GUEST)

    assert shown.status == 422
    assert "linked to your organisation already" in shown.page.one("p", role="alert").text


def _fields(known):
    return {name: getattr(known, name) for name in known.__slots__}
