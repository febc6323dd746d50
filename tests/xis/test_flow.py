"""A session opens by a scan, something is signed in it, and it ends; each of it is told."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from clients.auth_request import Closed, WrongCode
from clients.wire import WireError
from pairing_server.registry import RegistryUnavailableError
from pairing_server.registry.tables import client as client_table
from pairing_server.registry.tables import membership
from tests.approvals.desk import Desk, UnreliableRegistry, held
from tests.oidc.test_redemption import QUIET_ENDS, change, close_person, end_membership, revoke
from tests.qr.logins import second_phone, stranger
from tests.xis.client import (
    CANCELLED,
    CLOSED,
    FINISHED,
    HASH,
    INITIALIZED,
    OPENED,
    UNSIGNED,
    Xis,
)
from tests.xis.flows import Steps, client_of


def types(told):
    return [each.type for each in told]


async def last(xis):
    """The newest event: its type and its reason."""
    told = (await xis.events(after=0))[-1]
    return told.type, told.payload.get("Reason")


async def test_a_session_that_is_offered_is_told_with_what_to_show(desk, xis):
    opened = await xis.open()
    (told,) = await xis.events(after=0)
    assert told.type == INITIALIZED
    assert told.payload == {
        "SessionId": opened["id"],
        "Nonce": {"Value": opened["nonce"]},
        "QrEventsUri": f"{desk.house.base_url}/qr/events",
        "BindingCode": opened["bindingCode"],
    }
    assert desk.house.push.sent == []


async def test_who_scans_and_approves_has_opened_it(desk, xis):
    opened = await xis.open()
    request = await xis.scan(opened)
    holder = desk.house.holder
    assert (request.client, request.organisation) == ("HIS", holder.organisation_name)
    assert (request.workstation, request.location) == ("Balie 1", "Polikliniek")
    assert types(await xis.events(after=0)) == [INITIALIZED]
    await desk.phone.approve(request, "")
    (told,) = await xis.events(after=1)
    assert (told.type, told.payload["SessionId"]) == (OPENED, opened["id"])
    fields = told.payload["SecureElement"]["AuthenticationCertificate"]["ParsedFields"]
    assert fields == {
        "UziNumber": holder.uzi_number,
        "UziRegisterSubscriberNumber": holder.ura,
        "RoleCode": holder.role_code,
        "Role": "arts, huisarts",
        "PassholderName": f"{holder.first_names} {holder.last_name}",
    }
    assert await desk.actions("AssertionIssued") == ["AssertionIssued"]


async def test_a_session_is_of_the_role_in_which_it_was_opened(desk, xis):
    both, nurse = ("01.015", "30.000"), "30.000"
    await change(desk, sa.update(membership).values(other_role_codes=f'["{nurse}"]'))
    opened = await xis.open()
    request = await xis.scan(opened)
    assert tuple(each.role_code for each in request.roles) == both
    await desk.phone.approve(request, "", nurse)
    told = (await xis.events(after=0))[-1]
    fields = told.payload["SecureElement"]["AuthenticationCertificate"]["ParsedFields"]
    assert (fields["RoleCode"], fields["Role"]) == (nurse, "verpleegkundige")
    await xis.sign(opened["id"])
    (request,) = await desk.phone.auth_requests()
    assert (request.role_code, request.roles) == (nurse, ())
    await change(desk, sa.update(membership).values(other_role_codes="[]"))
    assert (await xis.sign(opened["id"]))[1]["error"] == "session_not_open"
    assert await last(xis) == (CLOSED, "revoked")


async def test_a_session_that_is_denied_is_told(desk, xis):
    for reason, said in (("not_me", "not_me"), ("other", "denied")):
        await desk.phone.deny(await xis.scan(await xis.open()), reason)
        assert await last(xis) == (CANCELLED, said)


async def test_a_session_that_nobody_opens_runs_out_once(xis, clock):
    await xis.open()
    clock.advance(timedelta(minutes=2))
    told = await xis.events(after=0)
    assert (types(told), told[-1].payload["Reason"]) == ([INITIALIZED, CANCELLED], "expired")
    assert await xis.events(after=0) == told


async def test_a_session_ends_when_its_hours_are_over(desk, xis, clock):
    await change(desk, sa.update(client_table).values(policy='{"session_hours": 1}'))
    await xis.opened()
    clock.advance(timedelta(hours=1))
    assert await last(xis) == (CLOSED, "expired")


async def test_a_session_is_closed_by_its_xis_once(xis):
    session = await xis.opened()
    assert [await xis.close(session), await xis.close(session.upper())] == [200, 200]
    assert types(await xis.events(after=2)) == [CLOSED]
    assert (await xis.sign(session))[1]["error"] == "session_not_open"


async def test_a_session_that_is_taken_back_opens_for_nobody(desk, xis):
    opened = await xis.open()
    request = await xis.scan(opened)
    assert await xis.close(opened["id"]) == 200
    with pytest.raises(Closed):
        await desk.phone.approve(request, "")
    assert types(await xis.events(after=0)) == [INITIALIZED, CANCELLED]
    assert await desk.phone.auth_requests() == []


async def test_what_is_signed_is_shown_with_its_hash_and_typed_for(desk, xis):
    session = await xis.opened()
    status, asked = await xis.sign(session, Text="Verwijzing Jansen")
    assert status == 200
    (request,) = await desk.phone.auth_requests()
    assert (request.message, request.hashes) == ("Verwijzing Jansen", f"sha-256:{HASH}")
    assert (request.code_length, request.workstation) == (6, "Balie 1")
    with pytest.raises(WrongCode):
        await desk.phone.approve(request, "000000x")
    await desk.phone.approve(request, asked["bindingCode"])
    (told,) = await xis.events(after=2)
    assert told.type == FINISHED
    assert (told.payload["SessionId"], told.payload["TransactionId"]) == (session, asked["id"])
    assert set(told.payload["SignedDataBag"]) == {"one"}


async def test_all_of_the_persons_phones_may_sign(desk, xis):
    other = await second_phone(desk)
    session = await xis.opened()
    _, asked = await xis.sign(session)
    (request,) = await other.auth_requests()
    await other.approve(request, asked["bindingCode"])
    assert types(await xis.events(after=2)) == [FINISHED]


async def test_what_is_denied_is_not_signed(desk, xis):
    session = await xis.opened()
    _, asked = await xis.sign(session)
    (request,) = await desk.phone.auth_requests()
    await desk.phone.deny(request)
    (told,) = await xis.events(after=2)
    assert (told.type, told.payload["TransactionId"]) == (UNSIGNED, asked["id"])
    assert told.payload["Reason"] == "denied"


async def test_what_nobody_signs_runs_out(xis, clock):
    session = await xis.opened()
    await xis.sign(session)
    clock.advance(timedelta(minutes=2))
    assert await last(xis) == (UNSIGNED, "expired")


async def test_a_closed_session_takes_back_what_was_to_be_signed(desk, xis):
    session = await xis.opened()
    _, asked = await xis.sign(session)
    (request,) = await desk.phone.auth_requests()
    await xis.close(session)
    with pytest.raises(Closed):
        await desk.phone.approve(request, asked["bindingCode"])
    assert types(await xis.events(after=2)) == [UNSIGNED, CLOSED]


async def test_nothing_is_signed_before_a_session_is_open(desk, xis):
    opened = await xis.open()
    status, refused = await xis.sign(opened["id"])
    assert (status, refused["error"]) == (409, "session_not_open")
    assert await desk.phone.auth_requests() == []
    assert types(await xis.events(after=0)) == [INITIALIZED]


async def test_an_approved_session_may_be_signed_in_before_its_event_is_read(desk, xis):
    opened = await xis.open()
    await desk.phone.approve(await xis.scan(opened), "")
    status, _ = await xis.sign(opened["id"])
    assert status == 200


@pytest.mark.parametrize("end", [Desk.block, revoke])
async def test_a_phone_that_is_cut_off_ends_the_session_at_once(desk, xis, end):
    session = await xis.opened()
    waiting = await held(xis.events(after=2, wait=20))
    await end(desk)
    (told,) = await asyncio.wait_for(waiting, 3)
    assert (told.type, told.payload) == (CLOSED, {"SessionId": session, "Reason": "revoked"})


#: But for a client that serves nobody any more there is no organisation to ask for.
@pytest.mark.parametrize("end", QUIET_ENDS)
async def test_who_has_left_signs_nothing_and_the_session_ends(desk, xis, end):
    session = await xis.opened()
    await end(desk)
    status, refused = await xis.sign(session)
    assert (status, refused["error"]) == (409, "session_not_open")
    assert await last(xis) == (CLOSED, "revoked")
    assert await desk.count("redemptions") == 1


async def test_who_has_left_is_found_by_whoever_reads(desk, xis, clock):
    await xis.opened()
    await end_membership(desk)
    assert await xis.events(after=2) == []
    clock.advance(timedelta(seconds=31))
    assert await last(xis) == (CLOSED, "revoked")


@pytest.mark.parametrize("end", [close_person, end_membership, Desk.block])
async def test_what_ends_after_the_approval_opens_nothing(desk, xis, end):
    opened = await xis.open()
    await desk.phone.approve(await xis.scan(opened), "")
    await end(desk)
    (told,) = await xis.events(after=1)
    assert (told.type, told.payload["Reason"]) == (CANCELLED, "revoked")
    assert await desk.count("redemptions") == 0


@pytest.mark.parametrize("end", [end_membership, Desk.block])
async def test_what_ends_after_the_approval_signs_nothing(desk, xis, end):
    session = await xis.opened()
    _, asked = await xis.sign(session)
    (request,) = await desk.phone.auth_requests()
    await desk.phone.approve(request, asked["bindingCode"])
    await end(desk)
    told = types(await xis.events(after=2))
    assert UNSIGNED in told
    assert FINISHED not in told


async def test_another_clients_session_is_none(desk, xis):
    session = await xis.opened()
    await desk.house.workstation("EPD")
    other = Xis(desk, desk.house.client_id, desk.house.client_key)
    assert await other.close(session) == 404
    assert (await other.sign(session))[1]["error"] == "not_found"
    assert await other.events(after=0) == []
    assert await xis.events(after=2) == []
    unknown = "00000000-0000-4000-8000-000000000000"
    assert [await xis.close(unknown), await xis.close("x")] == [404, 404]


async def test_a_colleague_who_scans_opens_their_own(desk, xis):
    other = await stranger(desk)
    await xis.opened()
    second = await xis.open(WorkstationId="ws-2")
    await other.approve(await xis.scan(second, other), "")
    told = (await xis.events(after=3))[0]
    fields = told.payload["SecureElement"]["Certificates"][0]["ParsedFields"]
    assert fields["UziNumber"] == "900000777"


async def test_what_could_not_be_written_down_is_asked_of_nobody(desk, xis, stores):
    session = await xis.opened()
    registry = UnreliableRegistry(desk.house.registry)
    steps, client = Steps(desk, stores, registry), await client_of(desk)
    registry.away = 1
    body = {"sessionid": session, "hashalgorithm": "sha-256"}
    body["entries"] = [{"id": "one", "data": HASH}]
    with pytest.raises(RegistryUnavailableError):
        await steps.flow.sign(body, client)
    assert await desk.phone.auth_requests() == []
    assert await xis.events(after=2) == []


async def test_a_session_is_opened_only_where_the_person_is_known_if_the_client_asks_so(desk, xis):
    await change(desk, sa.update(client_table).values(policy='{"known_workstation": true}'))
    with pytest.raises(WireError) as refused:
        await xis.opened()
    assert refused.value.error == "workstation_not_known"
