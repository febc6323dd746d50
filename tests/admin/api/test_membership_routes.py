"""Programs change who works for the organisation: only what they read, and only their own."""

from dataclasses import replace
from datetime import timedelta

import pytest

from admin.api.call_refusals import Changed
from admin.api.conditional import Unchanged
from admin.api.people import PeopleReader
from admin.machine import actor_of
from admin.people_flow import PeopleFlow
from pairing_server.portal.birth_date import BirthDates
from pairing_server.registry import clients, mail_outbox, people
from pairing_server.registry.people import AdministrativeRole, MembershipKind
from tests.admin.desk import ELSEWHERE, employ
from tests.admin.machine import program
from tests.keys.handset import MeanwhileRegistry

ANNA = "/people/anna"
LATER = {"role_codes": ["30.000"], "last_day": "2030-12-31"}
TO = {"address": "anna@ziekenhuis.example"}
NAMES = {"first_names": "Anna Maria", "last_name": "de Wit"}
CHANGES = [
    ("PUT", "/name", NAMES),
    ("PUT", "/membership", LATER),
    ("DELETE", "/membership", None),
    ("PUT", "/mail-address", TO),
    ("DELETE", "/mail-address", None),
]
names = [f"{method} {path}" for method, path, _ in CHANGES]


@pytest.fixture
async def hr(house):
    await employ(house, "chief", AdministrativeRole.ADMINISTRATOR)
    await employ(house, "anna")
    await employ(house, "boris", ura=ELSEWHERE)
    return await program(house)


async def last_event(house):
    event = (await house.events())[-1]
    return event["action"], event["actor"], event["object"], event["ura"]


async def test_a_name_is_corrected_and_told_with_its_new_tag(hr, house):
    before = (await hr.get(ANNA)).tag

    said = await hr.change("PUT", f"{ANNA}/name", NAMES)

    assert said.status == 200
    assert (said.body["first_names"], said.body["last_name"]) == ("Anna Maria", "de Wit")
    assert said.tag == (await hr.get(ANNA)).tag != before
    actor = f"client:{hr.client.id}"
    assert await last_event(house) == ("PersonRenamed", actor, "person:anna", hr.ura)


async def test_roles_and_last_day_are_written_whole(hr):
    said = await hr.change("PUT", f"{ANNA}/membership", LATER)

    assert said.body["membership"] == {
        "is_linked": True,
        "kind": "employee",
        "role_codes": ["30.000"],
        "administrative_role": None,
        "last_day": "2030-12-31",
    }
    said = await hr.change("PUT", f"{ANNA}/membership", {"role_codes": ["30.000"]})
    assert said.body["membership"]["last_day"] is None


async def test_who_is_unlinked_is_told_of_and_can_begin_again(hr):
    said = await hr.change("DELETE", f"{ANNA}/membership")
    assert (said.status, said.body["membership"]["is_linked"]) == (200, False)

    again = await hr.change("DELETE", f"{ANNA}/membership")
    assert (again.status, again.error) == (409, "not_linked")

    back = await hr.change("PUT", f"{ANNA}/membership", {"role_codes": ["01.015"]})
    assert back.body["membership"]["is_linked"] is True


async def test_a_guest_stays_for_a_time(hr, house):
    until = house.ports.clock() + timedelta(days=3)
    await employ(house, "guest", kind=MembershipKind.GUEST, valid_until=until)

    said = await hr.change("PUT", "/people/guest/membership", {"role_codes": ["01.015"]})

    assert (said.status, said.error, said.body["field"]) == (400, "invalid_field", "valid_until")


@pytest.mark.parametrize(("method", "path", "body"), CHANGES, ids=names)
async def test_no_program_takes_a_manager_away_or_changes_where_they_are_mailed(
    hr, house, method, path, body
):
    before = await hr.get("/people/chief")

    said = await hr.change(method, f"/people/chief{path}", body)

    assert (said.status, said.error) == (403, "forbidden")
    assert (await hr.get("/people/chief")).tag == before.tag


async def test_a_program_says_what_who_manages_works_as(hr):
    said = await hr.change("PUT", "/people/chief/membership", {"role_codes": ["30.000"]})

    assert said.body["membership"]["administrative_role"] == "administrator"
    assert said.body["membership"]["role_codes"] == ["30.000"]


async def test_a_mail_address_is_kept_and_never_told(hr, house):
    said = await hr.change("PUT", f"{ANNA}/mail-address", TO)

    assert said.body["has_mail_address"] is True
    assert "ziekenhuis" not in str(said.body)
    held = await house.registry.read(lambda tx: mail_outbox.address_of(tx, "anna"))
    assert held == TO["address"]
    gone = await hr.change("DELETE", f"{ANNA}/mail-address")
    assert gone.body["has_mail_address"] is False
    assert (await last_event(house))[0] == "MailAddressChanged"
    assert "ziekenhuis" not in str(await house.events())


async def test_the_tag_is_another_one_where_what_is_not_told_is_another(hr):
    one = (await hr.change("PUT", f"{ANNA}/mail-address", TO)).tag
    other = (await hr.change("PUT", f"{ANNA}/mail-address", {"address": "a@b.example"})).tag
    back = (await hr.change("PUT", f"{ANNA}/mail-address", TO)).tag

    assert one == back != other


@pytest.mark.parametrize("address", ["anna", "anna@", "a@b.example, c@d.example", "a@b.example\n"])
async def test_only_one_address_is_one(hr, address):
    said = await hr.change("PUT", f"{ANNA}/mail-address", {"address": address})

    assert (said.status, said.error) == (400, "invalid_field")
    assert address not in str(said.body)


@pytest.mark.parametrize(("method", "path", "body"), CHANGES, ids=names)
async def test_who_does_not_say_what_they_read_changes_nothing(hr, house, method, path, body):
    before, told = len(await house.events()), (await hr.get(ANNA)).body

    said = await hr.call(method, ANNA + path, body)
    stale = await hr.call(method, ANNA + path, body, If_Match='"AAAAAAAAAAAAAAAA"')
    weak = await hr.call(method, ANNA + path, body, If_Match="W/" + (await hr.get(ANNA)).tag)

    assert (said.status, said.error) == (428, "if_match_needed")
    assert (stale.status, stale.error) == (412, "changed_since_read")
    assert (weak.status, weak.error) == (412, "changed_since_read")
    assert len(await house.events()) == before
    assert (await hr.get(ANNA)).body == told


@pytest.mark.parametrize(("method", "path", "body"), CHANGES, ids=names)
async def test_another_organisations_people_are_nobody(hr, method, path, body):
    said = await hr.call(method, f"/people/boris{path}", body, If_Match="*")
    unknown = await hr.call(method, f"/people/nobody{path}", body, If_Match="*")

    assert (said.status, said.body) == (unknown.status, unknown.body)
    assert said.status == 404


async def test_what_is_changed_at_the_same_moment_is_not_undone(hr, house):
    """The tag is compared in the commit, not before it."""
    client = await house.registry.read(lambda tx: clients.get(tx, hr.client.id))
    actor = actor_of(client, hr.ura, house.ports.clock())
    reader = PeopleReader(house.ports, b"k")
    seen = (await reader.one(actor, "anna")).tag

    async def meanwhile():
        def change(tx):
            held = people.membership(tx, "anna", hr.ura)
            people.put_membership(tx, replace(held, role_code="17.000"))

        await house.registry.commit(change)

    registry = MeanwhileRegistry(house.registry, meanwhile)

    async def end_at(person_id, ura):
        raise AssertionError("nobody was cut off")

    flow = PeopleFlow(replace(house.ports, registry=registry), BirthDates(b"k" * 32), end_at)

    with pytest.raises(Changed):
        await flow.unlink(actor, "anna", Unchanged(frozenset({seen}), reader.tag(actor, "anna")))

    assert registry.stalled
    held = await house.registry.read(lambda tx: people.membership(tx, "anna", hr.ura))
    assert (held.role_code, held.valid_until) == ("17.000", None)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/membership", LATER | {"administrative_role": "administrator"}),
        ("/membership", LATER | {"kind": "guest"}),
        ("/membership", LATER | {"ura": ELSEWHERE}),
        ("/name", NAMES | {"user_name": "root"}),
        ("/name", NAMES | {"uzi_number": "900000009"}),
        ("/mail-address", TO | {"person": "boris"}),
    ],
)
async def test_nothing_is_written_that_is_not_the_calls_to_write(hr, path, body):
    """Mass assignment."""
    told = (await hr.get(ANNA)).body

    said = await hr.change("PUT", ANNA + path, body)

    assert (said.status, said.error) == (400, "invalid_request")
    assert (await hr.get(ANNA)).body == told
