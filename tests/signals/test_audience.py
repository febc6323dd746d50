"""A client is told of its own organisations' people, of its own sessions, and of nobody else."""

import json
from dataclasses import replace
from datetime import timedelta

import jwt
import pytest

from clients.card_profile import Holder
from pairing_server.audit.events import MembershipChanged
from pairing_server.oidc.logout_notices import LogoutNotices
from pairing_server.registry import people
from pairing_server.signals import audience as module
from tests.oidc.browser import PAGE, login_page
from tests.oidc.client import BareClient
from tests.oidc.endpoint import listening
from tests.signals.story import AUTHORITY, listener, registered

OPERATOR = "operator:test"
ELSEWHERE = Holder(uzi_number="900009999", ura="90000777", last_name="Elders")


async def holder_of(house, number=None):
    number = number or house.holder.uzi_number
    return await house.registry.read(lambda tx: people.by_uzi_number(tx, number))


async def put(house, **changed):
    """Change the holder's membership."""
    person = await holder_of(house)

    def change(tx):
        held = people.membership(tx, person.id, house.holder.ura)
        people.put_membership(tx, replace(held, **changed))

    await house.registry.commit(change)


async def test_people_of_other_organisations_are_never_told_of(house, heard):
    page = await house.registered(ELSEWHERE)
    phone = await house.bind(page)
    await house.phone_status().block(phone.credential_id, OPERATOR)

    assert await heard.send() == 0
    assert heard.endpoint.heard == []


async def test_a_client_that_lost_an_organisation_stops_hearing_of_its_people(house, phone, heard):
    await house.add_organisation("90000777", "Elders")
    await house.phone_status().block(phone.credential_id, OPERATOR)
    await heard.send()
    await heard.change(uras=("90000777",))
    await house.phone_status().unblock(phone.credential_id, OPERATOR)

    assert await heard.send() == 0
    assert len(heard.endpoint.heard) == 1


async def test_who_left_is_not_told_of_any_more(house, phone, heard):
    await put(house, valid_until=house.ports.clock())
    await house.phone_status().block(phone.credential_id, OPERATOR)

    assert await heard.send() == 0


async def test_what_is_told_names_nobody_and_nothing(house, phone, heard):
    await phone.rename(phone.credential_id, "Telefoon van Saskia")
    await house.phone_status().block(phone.credential_id, OPERATOR)
    await heard.send()

    text = json.dumps(heard.sets(), ensure_ascii=False)
    person = await holder_of(house)
    held = house.holder
    private = (held.uzi_number, held.last_name, held.ura, "Saskia", person.id)
    assert [word for word in (*private, phone.credential_id, OPERATOR) if word in text] == []


async def test_two_clients_know_a_person_and_an_event_by_different_names(house, phone, heard):
    async with listening(AUTHORITY.context()) as endpoint:
        endpoint.answers[:] = [202]
        other = await listener(house, endpoint, heard.calls)
        await other.listen()
        await house.phone_status().block(phone.credential_id, OPERATOR)
        assert await heard.send() == 2

        (one,), (two,) = heard.sets(), other.sets()
        assert (one["aud"], two["aud"]) == (heard.id, other.id)
        names = [(each["jti"], each["txn"], each["sub_id"]["sub"]) for each in (one, two)]
        assert not set(names[0]) & set(names[1])
        assert one["events"] == two["events"]


async def logged_in(house, phone, client):
    page = await login_page(house, client)
    tokens = await (await page.open()).tokens(phone)
    return jwt.decode(tokens["id_token"], options={"verify_signature": False})


async def end_sessions(house, calls):
    notices = LogoutNotices(house.ports, house.stores.keys, calls, issuer=house.base_url)
    return await notices.send()


async def test_a_session_that_ended_is_told_to_its_own_client_alone(house, phone, heard):
    await heard.change(redirect_uris=(PAGE,))
    mine = await logged_in(house, phone, heard.client)
    await house.workstation(redirect_uris=(PAGE,), metadata=registered(""))
    other = BareClient(house, house.client_id, house.client_key)
    await logged_in(house, phone, other)
    await house.phone_status().block(phone.credential_id, OPERATOR)
    await end_sessions(house, heard.calls)

    assert await heard.send() == 2
    events = [each for each in heard.sets() if "session-revoked" in str(each["events"])]
    (revoked,) = events
    assert revoked["sub_id"] == {
        "format": "complex",
        "session": {"format": "opaque", "id": mine["sid"]},
        "user": {"format": "iss_sub", "iss": house.base_url, "sub": mine["sub"]},
    }


async def test_a_changed_role_is_told_to_who_serves_that_organisation(house, heard):
    person = await holder_of(house)

    def change(tx):
        for ura in (house.holder.ura, "90000777"):
            tx.record(changed_to(person.id, ura, "01.016"))

    await house.registry.commit(change)

    assert await heard.send() == 1
    ((name, body),) = heard.told()
    assert name == "token-claims-change"
    assert body["claims"] == {"ura": house.holder.ura, "role_code": "01.016"}
    assert body["initiating_entity"] == "admin"


def changed_to(person_id, ura, role_code):
    facts = {"role_codes": ["01.015"], "kind": "employee"}
    return MembershipChanged(
        actor="person:somebody",
        object=f"person:{person_id}",
        ura=ura,
        evidence={"was": facts, "is": facts | {"role_codes": [role_code]}},
    )


async def test_a_key_of_one_organisation_is_nothing_to_the_others_clients(
    house, phone, heard, monkeypatch
):
    real = module.credentials.get

    def bound_elsewhere(tx, credential_id):
        return replace(real(tx, credential_id), only_ura="90000777")

    await house.phone_status().block(phone.credential_id, OPERATOR)
    monkeypatch.setattr(module.credentials, "get", bound_elsewhere)

    assert await heard.send() == 0


async def test_what_was_not_asked_for_is_not_sent(house, phone, heard):
    event = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
    change = {"stream_id": heard.stream, "events_requested": [event]}
    assert (await heard.call("PATCH", "/ssf/streams", change))[0] == 200
    await house.phone_status().block(phone.credential_id, OPERATOR)

    assert await heard.send() == 0


@pytest.mark.parametrize("step", [1, 1000])
async def test_a_chain_of_which_nothing_is_told_is_passed_over_in_steps(
    house, heard, monkeypatch, step
):
    """Who is told nothing costs no write, but does not begin from the start for ever either."""
    monkeypatch.setattr(module, "STEP", step)
    house.ports.clock.advance(timedelta(seconds=1))
    before = (await heard.state()).due_at
    await heard.send()

    assert ((await heard.state()).due_at > before) is (step == 1)
