"""Who has several roles at an organisation chooses on the phone, and signs what they chose."""

from dataclasses import replace

import jwt
import pytest

from clients.wire import WireError
from pairing_server.registry import RegistryUnavailableError, answers, people
from tests.approvals.desk import UnreliableRegistry
from tests.approvals.opened import opening
from tests.qr.logins import frame, login_flow

FIRST, SECOND, NONE = "01.015", "30.000", "17.000"


@pytest.fixture
async def both(desk):
    """The desk's person has two roles there."""
    await have(desk, FIRST, SECOND)
    return desk


async def have(desk, first, *others):
    def change(tx):
        person = people.by_uzi_number(tx, desk.house.holder.uzi_number)
        known = people.membership(tx, person.id, desk.house.holder.ura)
        people.put_membership(tx, replace(known, role_code=first, other_role_codes=others))

    await desk.house.registry.commit(change)


async def test_one_role_leaves_nothing_to_choose(desk):
    _, request = await desk.ask()
    assert (request.role_code, request.roles) == (FIRST, ())


async def test_several_are_offered_with_their_names(both):
    _, request = await both.ask()
    assert request.role_code == FIRST
    assert [(each.role_code, each.role) for each in request.roles] == [
        (FIRST, "arts, huisarts"),
        (SECOND, "verpleegkundige"),
    ]


async def test_the_names_are_in_the_language_of_the_phone(both):
    _, request = await both.ask()
    phone = both.phone
    headers = {"Authorization": f"Bearer {phone.device_token}", "Accept-Language": "en"}

    listed = await phone._server.call("GET", "/phone/auth-requests", headers=headers)
    shown = await phone._server.call("GET", f"/phone/auth-requests/{request.id}", headers=headers)

    english = ["physician, general practitioner", "nurse"]
    (told,) = listed.read(dict)["auth_requests"]
    assert [each["role"] for each in told["roles"]] == english
    assert [each["role"] for each in shown.read(dict)["roles"]] == english


async def test_a_list_that_is_known_in_one_language_is_news_in_another(both):
    await both.ask()
    headers = {"Authorization": f"Bearer {both.phone.device_token}", "Accept-Language": "nl"}
    known = await both.phone._server.call("GET", "/phone/auth-requests", headers=headers)
    headers["If-None-Match"] = known.headers["ETag"]

    again = await both.phone._server.call("GET", "/phone/auth-requests", headers=headers)
    headers["Accept-Language"] = "en"
    switched = await both.phone._server.call("GET", "/phone/auth-requests", headers=headers)

    assert (again.status, switched.status) == (304, 200)


@pytest.mark.parametrize("chosen", [FIRST, SECOND])
async def test_the_assertion_is_of_the_role_that_was_chosen(both, chosen):
    started, request = await both.ask()
    await both.phone.approve(request, started.binding_code, chosen)
    assertion = await both.poll(started)
    assert assertion.claims.role_code == chosen


async def test_an_app_that_knows_of_no_choice_sees_and_signs_the_first(both):
    assertion = await both.poll(await both.approved())
    assert assertion.claims.role_code == FIRST


async def test_the_signed_details_are_kept_with_the_role(both):
    started, request = await both.ask()
    await both.phone.approve(request, started.binding_code, SECOND)
    (event,) = [
        each for each in await both.house.events() if each["action"] == "AuthRequestApproved"
    ]
    assert f'"role_code":"{SECOND}"' in event["evidence"]
    kept = await both.house.registry.read(lambda tx: answers.get_answer(tx, request.id))
    assert kept.role_code == SECOND


@pytest.mark.parametrize("other", [NONE, "01.01"])
async def test_a_role_that_is_not_offered_is_refused_and_not_counted(both, other):
    started, request = await both.ask()
    with pytest.raises(WireError) as refused:
        await both.phone.approve(request, started.binding_code, other)
    assert (refused.value.status, refused.value.error) == (400, "role_not_offered")
    await both.phone.approve(request, started.binding_code, SECOND)
    assert await both.outcome(started) == "assertion"


async def test_nobody_answers_in_another_role_than_they_signed(both):
    started, request = await both.ask()
    body = both.phone.approval(request, started.binding_code, FIRST)
    with pytest.raises(WireError) as refused:
        await both.phone.answer(request.id, body | {"role_code": SECOND})
    assert (refused.value.status, refused.value.error) == (400, "invalid_assertion")
    signed = both.phone.approval(request, started.binding_code, SECOND)
    with pytest.raises(WireError) as refused:
        await both.phone.answer(request.id, signed | {"role_code": ""})
    assert refused.value.error == "invalid_assertion"


async def test_the_identical_answer_may_be_sent_again_and_another_role_may_not(both):
    started, request = await both.ask()
    body = both.phone.approval(request, started.binding_code, SECOND)
    await both.phone.answer(request.id, body)
    await both.phone.answer(request.id, body)
    with pytest.raises(WireError) as refused:
        await both.phone.approve(request, started.binding_code, FIRST)
    assert refused.value.error == "auth_request_closed"
    assertion = await both.poll(started)
    assert assertion.claims.role_code == SECOND


async def test_a_chosen_role_that_is_taken_away_ends_the_approval(both):
    started, request = await both.ask()
    await both.phone.approve(request, started.binding_code, SECOND)
    await have(both, FIRST)
    assert await both.outcome(started) == "revoked"


async def test_another_role_may_come_and_go(both):
    started, request = await both.ask()
    await both.phone.approve(request, started.binding_code, SECOND)
    await have(both, NONE, SECOND)
    assertion = await both.poll(started)
    assert assertion.claims.role_code == SECOND


async def test_the_role_is_what_the_registry_has_whatever_was_chosen_later(both):
    """The first answer was committed and nobody heard; the phone tried the other role then."""
    started, request = await both.ask()
    registry = UnreliableRegistry(both.house.registry)
    registry.away, registry.keeps = 1, True
    phone, code = await both.bound(), started.binding_code
    flow = both.flow(registry=registry)
    first = both.signed(request.in_role(SECOND), code)
    with pytest.raises(RegistryUnavailableError):
        await flow.approve(phone, request.id, code, first, role_code=SECOND)
    with pytest.raises(WireError) as refused:
        await both.phone.approve(request, code, FIRST)
    assert refused.value.error == "auth_request_closed"
    assertion = await both.poll(started)
    assert assertion.claims.role_code == SECOND


async def test_who_scans_chooses_too(both, stores):
    opened = await opening(both, stores)()
    await both.phone.scan_login(await frame(login_flow(both), opened))
    request = await both.phone.get(opened.id)
    assert [each.role_code for each in request.roles] == [FIRST, SECOND]
    await both.phone.approve(request, "", SECOND)
    tokens = await opened.poll()
    claims = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert claims["role_code"] == SECOND
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with both.house.http.get(f"{both.house.base_url}/userinfo", headers=headers) as told:
        assert (await told.json())["role_code"] == SECOND
    await have(both, FIRST)
    async with both.house.http.get(f"{both.house.base_url}/userinfo", headers=headers) as ended:
        assert ended.status == 401
