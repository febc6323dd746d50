"""Registering with a card: who becomes whom, and what is kept of it."""

import asyncio
import base64
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from cryptography import x509

from clients.card_profile import Holder
from clients.desktop import Card
from clients.test_ca import KeyKind
from clients.wire import WireError
from pairing_server.clock import to_milliseconds
from pairing_server.portal.birth_date import BirthDates
from pairing_server.portal.flow import ATTEMPTS_MEMORY
from pairing_server.registry import organisations, people
from pairing_server.registry.people import PersonStatus
from pairing_server.registry.tables import membership, metadata, notice, organisation, person
from pairing_server.uzi.path import load_certificate
from pairing_server.uzi.proof import decode_base64, proof_message, verify_proof
from pairing_server.uzi.refusals import BadSignature
from tests import calls
from tests.house import DATE_OF_BIRTH
from tests.valkey import run

OTHER_DATE = "1980-01-30"
#: The same person, at another organisation.
ELSEWHERE = Holder(ura="90000999", organisation_name="Andere zorg", role_code="01.008")


async def refused(awaitable):
    with pytest.raises(WireError) as caught:
        await awaitable
    return caught.value.status, caught.value.error


async def rows(house, table):
    return await house.registry.read(lambda tx: tx.all(sa.select(table)))


def digest_of(house, registered, born=DATE_OF_BIRTH):
    births = BirthDates(house.stores.birth_date_key)
    return births.digest(registered["id"], date.fromisoformat(born))


async def close_person(house):
    def change(tx):
        known = people.by_uzi_number(tx, house.holder.uzi_number)
        people.update_person(tx, replace(known, status=PersonStatus.CLOSED))

    await house.registry.commit(change)


@pytest.fixture
def card(house):
    return house.register.card(house.holder)


@pytest.fixture
async def page(house):
    """A browser logged in with the card, whose organisation is registered."""
    await house.add_organisation()
    return await house.logged_in()


async def test_of_64_who_register_an_organisation_at_once_one_does(house):
    page = await house.logged_in(purpose="register-organisation")

    ended = await asyncio.gather(
        *(page.register_organisation() for _ in range(64)), return_exceptions=True
    )

    losers = [error for error in ended if isinstance(error, WireError)]
    assert len(losers) == 63
    assert {(loser.status, loser.error) for loser in losers} == {(409, "organisation_exists")}
    assert len(await rows(house, organisation)) == 1
    (member,) = await rows(house, membership)
    assert member["administrative_role"] == "administrator"


async def test_who_registered_an_organisation_is_new_until_they_sign(house, card):
    page = await house.logged_in(purpose="register-organisation")
    await page.register_organisation()

    registration = await page.registration(DATE_OF_BIRTH)
    await page.prove(registration.session, house.agent(), card)

    assert registration.outcome == "new"
    (registered,) = await rows(house, person)
    assert registered["birth_digest"] == digest_of(house, registered)
    (member,) = await rows(house, membership)
    assert member["administrative_role"] == "administrator"


@pytest.mark.parametrize("purpose", ["login", "sign-registration"])
async def test_an_organisation_is_registered_from_a_session_for_it_alone(house, purpose):
    page = await (house.logged_in() if purpose == "login" else house.registered())

    assert await refused(page.register_organisation()) == (403, "wrong_purpose")


async def test_an_unknown_organisation_stops_the_registration(house):
    page = await house.logged_in()

    assert await refused(page.registration(DATE_OF_BIRTH)) == (403, "unknown_organisation")


async def test_who_may_be_asked_is_named_where_the_operator_set_it(make_house):
    async with make_house(contact="Servicedesk, 030 123 4567") as house:
        page = await house.logged_in()
        with pytest.raises(WireError) as unknown:
            await page.registration(DATE_OF_BIRTH)
        await house.add_organisation()
        begun = await page.registration(DATE_OF_BIRTH)
        closed = sa.update(organisation).values(status="closed")
        await house.registry.commit(lambda tx: tx.run(closed))
        with pytest.raises(WireError) as gone:
            await page.prove(begun.session, house.agent(), house.register.card(house.holder))

    for refusal in (unknown.value, gone.value):
        assert refusal.error == "unknown_organisation"
        assert refusal.body["contact"] == "Servicedesk, 030 123 4567"


async def test_an_unknown_organisation_is_told_nothing(house):
    page = await house.logged_in()
    with pytest.raises(WireError) as refusal:
        await page.registration(DATE_OF_BIRTH)

    assert "contact" not in refusal.value.body
    assert await rows(house, notice) == []


async def test_an_organisation_that_was_closed_stops_the_registration(house, page):
    await house.registry.commit(lambda tx: tx.run(sa.update(organisation).values(status="closed")))

    assert await refused(page.registration(DATE_OF_BIRTH)) == (403, "unknown_organisation")


async def test_an_organisation_that_closes_meanwhile_gets_nobody(house, page, card):
    registration = await page.registration(DATE_OF_BIRTH)
    await house.registry.commit(lambda tx: tx.run(sa.update(organisation).values(status="closed")))

    signed = page.prove(registration.session, house.agent(), card)

    assert await refused(signed) == (403, "unknown_organisation")
    assert await rows(house, person) == []


async def test_nobody_is_registered_before_they_sign(house, page):
    await page.registration(DATE_OF_BIRTH)

    assert await rows(house, person) == []


async def test_a_person_is_registered_once(house, page, card):
    first = await page.registration(DATE_OF_BIRTH)
    await page.prove(first.session, house.agent(), card)
    again = await page.registration(DATE_OF_BIRTH)
    await page.prove(again.session, house.agent(), card)

    assert (first.outcome, again.outcome) == ("new", "existing")
    (registered,) = await rows(house, person)
    assert registered["user_name"] == "jan.jansen.900001234"
    assert len(await rows(house, membership)) == 1


async def test_another_date_of_birth_is_another_person(house):
    page = await house.registered()

    assert await refused(page.registration(OTHER_DATE)) == (422, "details_do_not_match")


async def test_a_date_of_birth_that_cannot_be_is_a_slip(page):
    assert await refused(page.registration("2026-01-31")) == (400, "invalid_request")


async def test_five_wrong_dates_an_hour_are_compared(house):
    page = await house.registered()

    wrong = [await refused(page.registration(OTHER_DATE)) for _ in range(5)]

    assert wrong == [(422, "details_do_not_match")] * 5
    assert await refused(page.registration(DATE_OF_BIRTH)) == (429, "too_many_requests")


async def test_of_64_wrong_dates_at_once_five_are_compared(house):
    page = await house.registered()

    ended = await asyncio.gather(
        *(page.registration(OTHER_DATE) for _ in range(64)), return_exceptions=True
    )

    statuses = [error.status for error in ended]
    assert (statuses.count(422), statuses.count(429)) == (5, 59)


async def test_wrong_dates_are_counted_for_the_card_in_whatever_browser(house):
    page = await house.registered()
    for _ in range(5):
        await refused(page.registration(OTHER_DATE))

    other = await house.logged_in()

    assert await refused(other.registration(OTHER_DATE)) == (429, "too_many_requests")


async def test_right_dates_are_not_counted(house):
    page = await house.registered()

    outcomes = [(await page.registration(DATE_OF_BIRTH)).outcome for _ in range(8)]

    assert outcomes == ["existing"] * 8


async def test_wrong_dates_are_forgotten_after_an_hour(house):
    page = await house.registered()
    await refused(page.registration(OTHER_DATE))

    left = await run(house.store, "PTTL", f"wrong-birth-dates:{house.holder.uzi_number}")

    assert 0 < left / 1000 <= (ATTEMPTS_MEMORY + timedelta(minutes=1)).total_seconds()


async def test_signing_with_another_card_registers_nobody(house, page):
    registration = await page.registration(DATE_OF_BIRTH)
    other = house.register.card(Holder(uzi_number="900005678"))

    signed = page.prove(registration.session, house.agent(), other)

    assert await refused(signed) == (422, "other_card")
    assert await page.session_status(registration.session) == "refused"
    assert await rows(house, person) == []


async def test_two_dates_of_birth_begun_at_once_do_not_both_stand(house, page, card):
    other = await house.logged_in()
    first = await page.registration(DATE_OF_BIRTH)
    second = await other.registration(OTHER_DATE)
    await page.prove(first.session, house.agent(), card)

    signed = other.prove(second.session, house.agent(), card)

    assert await refused(signed) == (409, "changed_meanwhile")
    (registered,) = await rows(house, person)
    assert registered["birth_digest"] == digest_of(house, registered)


async def test_what_was_signed_verifies_from_the_audit_log_alone(house):
    await house.registered()
    (event,) = [event for event in await house.events() if event["action"] == "PersonRegistered"]
    kept = json.loads(event["evidence"])
    certificate = x509.load_der_x509_certificate(base64.b64decode(kept["certificate"]))
    signature = base64.b64decode(kept["signature"])

    def verify(statement):
        parts = (kept["origin"], kept["id"], kept["nonce"], kept["purpose"], statement)
        verify_proof(certificate, signature, kept["algorithm"], proof_message(*parts))

    verify(kept["statement"])
    with pytest.raises(BadSignature):
        verify(kept["statement"].replace("900001234", "900001235"))
    assert "UZI-nummer 900001234" in kept["statement"]


async def test_a_card_of_another_organisation_makes_no_second_person(house):
    await house.registered()
    await house.registered(ELSEWHERE)

    assert len(await rows(house, person)) == 1
    members = {(member["ura"], member["role_code"]) for member in await rows(house, membership)}
    assert members == {(house.holder.ura, "01.015"), (ELSEWHERE.ura, "01.008")}


async def test_registering_an_organisation_keeps_what_is_known_of_the_person(house):
    await house.registered()
    page = await house.logged_in(ELSEWHERE, "register-organisation")

    await page.register_organisation()

    (registered,) = await rows(house, person)
    assert registered["birth_digest"] == digest_of(house, registered)
    assert {member["administrative_role"] for member in await rows(house, membership)} == {
        None,
        "administrator",
    }


async def test_a_renewed_card_keeps_the_person_and_brings_its_facts(house):
    await house.registered()
    married = replace(house.holder, last_name="De Vries", role_code="01.016")
    issued = house.register.ca.issue(married, datetime.now(UTC), KeyKind.P_256).authentication
    renewed = Card(issued.key, issued.certificate, issued.chain[:-1])
    page = await house.page()
    await page.login(house.agent(), renewed)
    registration = await page.registration(DATE_OF_BIRTH)
    await page.prove(registration.session, house.agent(), renewed)

    assert registration.outcome == "existing"
    (registered,) = await rows(house, person)
    assert registered["last_name"] == "De Vries"
    assert registered["user_name"] == "jan.jansen.900001234"
    (member,) = await rows(house, membership)
    assert member["role_code"] == "01.016"


async def test_a_closed_person_does_not_log_in(house):
    await house.registered()
    await close_person(house)

    assert await refused(calls.log_in(house)) == (403, "record_closed")


async def test_who_is_closed_while_logged_in_registers_nothing(house, card):
    page = await house.registered()
    begun = await page.registration(DATE_OF_BIRTH)
    await close_person(house)

    assert await refused(page.registration(DATE_OF_BIRTH)) == (403, "record_closed")
    signed = page.prove(begun.session, house.agent(), card)
    assert await refused(signed) == (403, "record_closed")
    (registered,) = await rows(house, person)
    assert registered["status"] == "closed"


async def test_a_closed_person_registers_no_organisation(house):
    await house.registered()
    page = await house.logged_in(ELSEWHERE, "register-organisation")
    await close_person(house)

    assert await refused(page.register_organisation()) == (403, "record_closed")
    assert await house.registry.read(lambda tx: organisations.get(tx, ELSEWHERE.ura)) is None


async def test_the_statement_that_registered_an_organisation_is_kept_and_verifies(house):
    page = await house.logged_in(purpose="register-organisation")
    await page.register_organisation()

    (event,) = [one for one in await house.events() if one["action"] == "OrganisationRegistered"]
    kept = json.loads(event["evidence"])
    message = proof_message(
        kept["origin"], kept["id"], kept["nonce"], kept["purpose"], kept["statement"]
    )
    certificate = load_certificate(decode_base64(kept["certificate"]))
    verify_proof(certificate, decode_base64(kept["signature"]), kept["algorithm"], message)
    assert "beheerder" in kept["statement"]


async def test_an_unlinked_person_does_not_come_back_with_their_card(house, page, card):
    registration = await page.registration(DATE_OF_BIRTH)
    await page.prove(registration.session, house.agent(), card)
    begun = await page.registration(DATE_OF_BIRTH)
    ended = {"valid_until": to_milliseconds(house.ports.clock())}
    await house.registry.commit(lambda tx: tx.run(sa.update(membership).values(ended)))

    assert await refused(page.registration(DATE_OF_BIRTH)) == (403, "membership_ended")
    signed = page.prove(begun.session, house.agent(), card)
    assert await refused(signed) == (403, "membership_ended")


def spellings(born):
    yield born.isoformat()
    for form in ("%d-%m-%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d", "%d%m%Y", "%y%m%d"):
        yield born.strftime(form)
    yield f"{born.day}-{born.month}-{born.year}"
    yield f"{born.day} januari {born.year}"
    yield f"January {born.day}, {born.year}"
    yield str(int(datetime(born.year, born.month, born.day, tzinfo=UTC).timestamp()))
    yield str(born.toordinal())


async def test_the_date_of_birth_is_kept_nowhere_and_told_to_nobody(house, capsys, tmp_path):
    page = await house.registered()
    again = await page.registration(DATE_OF_BIRTH)
    with pytest.raises(WireError) as other:
        await page.registration(OTHER_DATE)

    database = b"".join(file.read_bytes() for file in tmp_path.glob("registry.sqlite3*"))
    keys = await run(house.store, "KEYS", "*")
    values = [await run(house.store, "GET", key) for key in keys]
    said = capsys.readouterr()
    told = {
        "registry": database.decode("latin-1"),
        "store": b"\n".join([*keys, *filter(None, values)]).decode("latin-1"),
        "log": said.out + said.err,
        "answers": f"{again} {other.value.body}",
    }
    assert "uzi-session" in told["store"]
    assert "PersonRegistered" in told["registry"]
    assert "/portal/registration" in told["log"]
    found = {
        (place, spelled)
        for place, text in told.items()
        for born in (DATE_OF_BIRTH, OTHER_DATE)
        for spelled in spellings(date.fromisoformat(born))
        # Six digits in a row stand in any random number.
        if spelled in text and len(spelled) > 6
    }
    assert found == set()


async def test_nothing_in_the_registry_has_room_for_a_citizen_service_number():
    columns = {column.name.lower() for table in metadata.tables.values() for column in table.c}

    assert not {"bsn", "burgerservicenummer", "ssn", "date_of_birth"} & columns
