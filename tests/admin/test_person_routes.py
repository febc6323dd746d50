"""The lost phone on one screen, as who is called at three in the morning goes through it."""

import asyncio
import json
from datetime import timedelta

import pytest

from admin.lost_phone import LostPhoneFlow
from clients.wire import WireError
from pairing_server.keys.status import Reason
from pairing_server.registry import credentials
from pairing_server.registry.credentials import Cause, CredentialStatus
from tests.admin.desk import ELSEWHERE, at_work, colleague, employ, set_role
from tests.admin.lost import ADMINISTRATOR, OPERATOR, SERVICE_DESK
from tests.approvals.desk import held

MINUTE = timedelta(minutes=1)


def ago(lost, duration):
    """How a form says a moment."""
    moment = lost.house.ports.clock() - duration
    return moment.strftime("%Y-%m-%dT%H:%M")


async def find(browser, typed):
    sent = await browser.post("/admin/people", {"q": typed})
    assert sent.status == 303
    return sent.location


def status_of(shown):
    return [
        each.text for each in shown.page.all("p") if "badge" in each.attributes.get("class", "")
    ]


def do_form(shown, name="do"):
    """The form by which what was asked for is done, or withdrawn."""
    (form,) = [each for each in shown.page.forms() if each.action.endswith(f"/{name}")]
    return form


def buttons(shown):
    return {
        form.action.rpartition("/")[2] for form in shown.page.forms() if "/phones/" in form.action
    }


# Found.


@pytest.mark.parametrize(
    "typed", ["Jansen", "jans", "JAN JANSEN", "900001234", "software phone", " jansen "]
)
async def test_one_field_finds_a_person_by_name_number_or_phone(lost, typed):
    assert await find(lost.staff, typed) == lost.page


async def test_a_key_from_the_log_finds_its_person(lost):
    assert await find(lost.staff, lost.phone.credential_id) == lost.page


@pytest.mark.parametrize(
    ("language", "role"),
    [("en", "physician, general practitioner"), ("nl", "arts, huisarts")],
)
async def test_roles_are_named_in_the_language_of_the_page(lost, language, role):
    lost.staff.language = language

    for path in ("/admin/people", lost.page, f"{lost.page}/membership"):
        assert role in (await lost.staff.get(path)).page.text


async def test_several_are_listed_and_what_was_typed_stands_in_no_address(lost):
    for name in ("jannie", "janneke"):
        await employ(lost.house, name)
    location = await find(lost.staff, "jan")
    shown = await lost.staff.get(location)

    assert "jan" not in location.replace("/admin/", "").lower() or "found=" in location
    assert "3 people fit" in shown.page.text
    assert len(shown.page.all("th", scope="row")) == 3


async def test_more_than_a_page_holds_are_listed_page_by_page(lost, monkeypatch):
    monkeypatch.setattr(LostPhoneFlow.find, "__defaults__", ("", 2))
    for name in ("jannie", "janneke", "janine"):
        await employ(lost.house, name)
    begin = await find(lost.staff, "jan")
    first = await lost.staff.get(begin)
    second = await lost.staff.get(first.page.one("a", rel="next")["href"])

    assert "More people fit “jan” than are shown here" in first.page.text
    assert [len(each.page.all("th", scope="row")) for each in (first, second)] == [2, 2]
    assert second.page.all("a", rel="next") == []
    back = [each["href"] for each in second.page.all("a") if each.text == "First page"]
    assert back == [begin]
    assert (first.page.mistakes, second.page.mistakes) == ([], [])


async def test_what_was_typed_in_one_session_is_read_in_no_other(lost):
    location = await find(lost.staff, "nobody at all")
    other = await lost.call(OPERATOR)

    assert "nobody at all" in (await lost.staff.get(location)).page.text
    assert "nobody at all" not in (await other.get(location)).page.text


@pytest.mark.parametrize("typed", ["boris", "phone-boris", "%", "_", "Boris Proef"])
async def test_people_of_another_organisation_are_not_found(lost, typed):
    await employ(lost.house, "boris", ura=ELSEWHERE)
    shown = await lost.staff.get(await find(lost.staff, typed))

    assert "Boris" not in shown.page.one("main").text.replace(f"“{typed}”", "")


async def test_who_left_is_not_found(lost):
    await employ(lost.house, "gone", valid_until=lost.house.ports.clock() - MINUTE)

    shown = await lost.staff.get(await find(lost.staff, "gone"))
    assert "0 people fit" in shown.page.text


# Seen.


async def test_a_phone_is_shown_with_its_last_use(lost):
    await lost.desk.approved()
    shown = await lost.look()

    assert shown.page.heading == "Jan Jansen"
    assert status_of(shown) == ["Works"]
    assert "Balie 1 · Polikliniek · Tést Zorginstelling 03" in shown.page.text
    assert shown.page.mistakes == []


async def test_every_look_is_an_event_that_names_who_looked_at_whom(lost):
    await lost.look()
    event = await lost.last("PhoneUseViewed")

    assert (event["actor"], event["object"]) == (
        "person:administrator",
        f"person:{lost.person_id}",
    )
    await lost.look(f"?lost={ago(lost, MINUTE)}")
    assert "lost_at" in json.loads((await lost.last("PhoneUseViewed"))["evidence"])
    await lost.staff.get(f"{lost.page}/record")
    assert await lost.count("PhoneUseViewed") == 3


async def test_a_phone_that_was_not_used_after_the_loss_is_to_be_blocked(lost):
    await lost.desk.approved()
    lost.house.ports.clock.advance(2 * MINUTE)
    shown = await lost.look(f"?lost={ago(lost, MINUTE)}&offset=0")

    assert "Not used after the loss. Block it" in shown.page.text


async def test_a_phone_that_logged_in_after_the_loss_is_to_be_revoked(lost):
    await lost.desk.approved()
    shown = await lost.look(f"?lost={ago(lost, 5 * MINUTE)}")

    assert "Used after the loss: somebody logged in with it. Revoke it." in shown.page.text
    assert "Balie 1" in shown.page.text


async def test_a_phone_that_declined_a_login_after_the_loss_was_in_use(lost):
    _, request = await lost.desk.ask()
    await lost.phone.deny(request)
    shown = await lost.look(f"?lost={ago(lost, 5 * MINUTE)}")

    assert "In use after the loss, but nothing was opened" in shown.page.text


async def test_the_readers_clock_counts(lost):
    """Two hours ahead of UTC, a phone lost "one hour ahead" was lost an hour ago."""
    await lost.desk.approved()
    shown = await lost.look(f"?lost={ago(lost, -60 * MINUTE)}&offset=120")

    assert "Used after the loss" in shown.page.text


async def test_a_moment_that_is_typed_is_asked_for(lost):
    typed = ago(lost, 5 * MINUTE)
    sent = await lost.staff.post(f"{lost.page}/loss", {"lost": typed, "offset": "-0"})
    shown = await lost.staff.get(sent.location)

    assert sent.status == 303
    assert "Not used after the loss" in shown.page.text
    assert shown.page.one("input", id="lost")["value"] == typed


@pytest.mark.parametrize("typed", ["x", "2099-01-01T00:00", "2001-01-01T00:00", ""])
async def test_what_is_no_moment_of_a_loss_is_asked_again(lost, typed):
    sent = await lost.staff.post(f"{lost.page}/loss", {"lost": typed})
    shown = await lost.staff.get(sent.location)

    assert "Fill in a day and a time" in shown.page.text


async def test_use_at_another_organisation_is_told_without_the_place(lost):
    await lost.works_elsewhere_too()
    await lost.house.workstation(uras=(ELSEWHERE,))
    elsewhere = await lost.house.workstation(uras=(ELSEWHERE,))
    started = await lost.house.ask(elsewhere, ura=ELSEWHERE)
    (request,) = await lost.phone.auth_requests()
    await lost.phone.approve(request, started.binding_code)

    shown = await lost.look(f"?lost={ago(lost, 5 * MINUTE)}")

    assert f"Organisatie {ELSEWHERE}" in shown.page.text
    assert "Used after the loss" in shown.page.text
    assert "Balie 1" not in shown.page.text
    assert "Polikliniek" not in shown.page.text


# Blocked.


async def test_a_blocked_phone_opens_nothing_and_waiting_workstations_hear_so(lost):
    started, request = await lost.desk.ask()
    waiting = await held(lost.desk.outcome(started, wait=20))

    sent = await lost.act("block")

    assert sent.location == lost.page
    async with asyncio.timeout(2):
        assert await waiting == "revoked"
    with pytest.raises(WireError):
        await lost.phone.approve(request, started.binding_code)
    shown = await lost.look()
    assert status_of(shown) == ["Blocked"]
    assert "is blocked: it opens nothing, at any organisation." in shown.page.text


async def test_a_block_says_for_which_organisation_and_on_what_ground(lost):
    typed = ago(lost, 5 * MINUTE)
    sent = await lost.act("block", lost=typed, offset="0")
    assert "Not used after the loss" in (await lost.staff.get(sent.location)).page.text
    event = await lost.last("AuthenticatorBlocked")
    evidence = json.loads(event["evidence"])

    assert event["actor"] == "person:administrator"
    assert evidence["for_ura"] == lost.house.holder.ura
    assert "lost_at" in evidence


async def test_the_other_organisations_are_told_and_their_own_is_not(lost):
    await lost.works_elsewhere_too()
    await lost.act("block")
    assert (await lost.told(), await lost.told(lost.house.holder.ura)) == (["phone_blocked"], [])

    await lost.act("revoke")

    assert set(await lost.told()) == {"phone_blocked", "phone_revoked"}
    other = await at_work(lost.house, ADMINISTRATOR, "chief", ELSEWHERE)
    shown = await other.get("/admin/")
    assert "A phone of Jan Jansen" in shown.page.text


async def test_where_somebody_worked_once_nothing_is_told_of_their_phone(lost):
    await employ(lost.house, lost.person_id, None, ELSEWHERE, valid_until=lost.house.ports.clock())

    await lost.act("block")
    await lost.act("revoke")

    assert await lost.told() == []


async def test_a_block_ends_what_the_phone_had_opened(lost):
    head = await colleague(lost.house)
    await head.log_in()
    path = f"/admin/people/{head.person_id}/phones/{head.phone.credential_id}/block"
    await lost.staff.post(path)

    assert (await head.browser.get("/admin/")).location == "/admin/login"


async def test_the_service_desk_blocks_and_undoes_nothing(lost):
    desk = await lost.call(SERVICE_DESK)
    assert buttons(await lost.look(browser=desk)) == {"block"}

    assert (await lost.act("block", desk)).status == 303
    assert buttons(await lost.look(browser=desk)) == set()
    for name in ("unblock", "revoke"):
        assert (await lost.act(name, desk)).status == 403
    assert status_of(await lost.look()) == ["Blocked"]


async def test_a_second_click_changes_nothing(lost):
    await lost.act("block")
    assert (await lost.act("block")).status == 409
    assert await lost.count("AuthenticatorBlocked") == 1


# Found.


async def test_a_found_phone_is_unblocked_by_who_holds_it_with_the_administrators_code(lost):
    await lost.works_elsewhere_too()
    await lost.act("block")
    shown = await lost.act("unblock")
    assert shown.status == 200
    assert status_of(await lost.look()) == ["Blocked"]

    await lost.type_code(shown)

    seen = await lost.look()
    assert status_of(seen) == ["Works"]
    assert "works again" in seen.page.text
    assert await lost.told() == ["phone_unblocked", "phone_blocked"]
    await lost.desk.approved()


@pytest.mark.parametrize("role", [None, SERVICE_DESK])
async def test_the_code_of_who_was_dismissed_since_unblocks_nothing(lost, role):
    await lost.act("block")
    shown = await lost.act("unblock")
    await set_role(lost.house, "administrator", role)

    with pytest.raises(WireError) as refused:
        await lost.type_code(shown)

    assert (refused.value.status, refused.value.error) == (404, "not_found")
    assert await lost.status() is CredentialStatus.BLOCKED


async def test_the_code_of_who_left_since_unblocks_nothing(lost):
    await lost.act("block")
    shown = await lost.act("unblock")
    now = lost.house.ports.clock()
    await employ(lost.house, "administrator", ADMINISTRATOR, valid_until=now)

    with pytest.raises(WireError):
        await lost.type_code(shown)

    assert await lost.status() is CredentialStatus.BLOCKED


async def test_a_code_for_one_block_does_not_undo_the_next(lost):
    await lost.act("block")
    shown = await lost.act("unblock")
    await lost.house.phone_status().unblock(lost.phone.credential_id, "operator:test")
    await lost.act("block")

    with pytest.raises(WireError) as refused:
        await lost.type_code(shown)

    assert (refused.value.status, refused.value.error) == (404, "not_found")
    assert await lost.status() is CredentialStatus.BLOCKED


async def test_a_phone_whose_key_may_be_copied_is_not_unblocked(lost):
    copied = (CredentialStatus.ACTIVE, CredentialStatus.BLOCKED)
    now, cause = lost.house.ports.clock(), Cause(Reason.SIGN_COUNT)
    await lost.house.registry.commit(
        lambda tx: credentials.set_status(tx, lost.phone.credential_id, *copied, now, cause)
    )
    shown = await lost.look()

    assert buttons(shown) == {"revoke"}
    assert "There may be a copy of its key" in shown.page.text
    assert (await lost.act("unblock")).status == 409


# Revoked.


async def test_a_revoked_phone_opens_nothing_and_its_holder_is_told_how_to_pair_again(lost):
    sent = await lost.act("revoke")
    shown = await lost.look()

    assert sent.location == lost.page
    assert status_of(shown) == ["Revoked"]
    assert f"{lost.house.base_url}/portal/" in shown.page.text
    assert buttons(shown) == set()
    with pytest.raises(WireError):
        await lost.phone.auth_requests()


async def test_an_approval_of_long_ago_revokes_nothing_until_it_is_confirmed(lost):
    stale = await lost.call(OPERATOR, age=timedelta(minutes=6))
    shown = await lost.act("revoke", stale)

    assert (shown.status, shown.page.heading) == (401, "Confirm first")
    (form,) = shown.page.forms("/admin/confirm")
    assert form.fields == {"act": "revoke_phone", "next": lost.page}
    assert status_of(await lost.look()) == ["Works"]
    assert (await lost.act("block", stale)).status == 303


async def test_what_another_organisation_bound_is_blocked_but_not_settled_here(lost):
    await lost.works_elsewhere_too()
    other = await at_work(lost.house, ADMINISTRATOR, "chief", ELSEWHERE)
    assert buttons(await lost.look(browser=other)) == {"block"}
    assert (await lost.act("revoke", other)).status == 403

    await lost.act("block", other)

    assert buttons(await lost.look(browser=other)) == {"unblock"}
    assert (await lost.act("unblock", other)).status == 200
    assert (await lost.act("revoke", other)).status == 403
    assert (await lost.act("revoke")).status == 303


async def test_a_phone_under_another_persons_name_is_nobodys(lost):
    """IDOR: both parts of the path have to belong together."""
    await employ(lost.house, "anna")
    path = f"/admin/people/anna/phones/{lost.phone.credential_id}/block"

    assert (await lost.staff.post(path)).status == 404
    assert status_of(await lost.look()) == ["Works"]


async def test_a_person_of_another_organisation_is_as_unknown_as_nobody(lost):
    await employ(lost.house, "boris", ura=ELSEWHERE)
    answers = {
        (shown.status, shown.page.text)
        for shown in [
            await lost.staff.get(f"/admin/people/{name}") for name in ("boris", "nobody")
        ]
    }

    assert len(answers) == 1
    assert await lost.count("PhoneUseViewed") == 0


# Two people.


async def test_by_policy_one_asks_and_another_one_revokes(lost):
    await lost.want_two_for("revoke_phone")
    operator = await lost.call(OPERATOR)
    await lost.act("revoke", operator)
    assert status_of(await lost.look()) == ["Works"]
    assert "A colleague who is an administrator does it" in (await lost.look()).page.text

    (form,) = [
        each
        for each in (await lost.staff.get("/admin/")).page.forms()
        if each.action.endswith("/do")
    ]
    sent = await lost.staff.post(form.action)

    assert sent.location == lost.page
    assert status_of(await lost.look()) == ["Revoked"]
    evidence = json.loads((await lost.last("AuthenticatorRevoked"))["evidence"])
    assert evidence["asked_by"] == "person:operator"
    assert (await lost.staff.post(form.action)).status == 409


async def test_who_asked_does_not_do_it_however_they_ask(lost):
    await lost.want_two_for("revoke_phone")
    await lost.act("revoke")
    shown = await lost.staff.get("/admin/")
    assert [each for each in shown.page.forms() if each.action.endswith("/do")] == []
    form = do_form(shown, "withdraw")

    refused = await lost.staff.post(form.action.replace("/withdraw", "/do"))

    assert refused.status == 403
    assert status_of(await lost.look()) == ["Works"]
    assert (await lost.act("revoke")).status == 409


async def test_what_waits_for_a_day_is_over(lost):
    await lost.want_two_for("revoke_phone")
    operator = await lost.call(OPERATOR)
    await lost.act("revoke", operator)
    shown = await lost.staff.get("/admin/")
    form = do_form(shown)
    lost.house.ports.clock.advance(timedelta(hours=24))
    later = await lost.call(ADMINISTRATOR, "later")

    assert (await later.post(form.action)).status == 409
    assert "Waits for a second" not in (await later.get("/admin/")).page.text
    assert status_of(await lost.look(browser=later)) == ["Works"]


async def test_what_was_withdrawn_is_not_done(lost):
    await lost.want_two_for("revoke_phone")
    operator = await lost.call(OPERATOR)
    await lost.act("revoke", operator)
    shown = await operator.get("/admin/")
    form = do_form(shown, "withdraw")

    await operator.post(form.action)

    assert (await lost.staff.post(form.action.replace("/withdraw", "/do"))).status == 409
    assert (await lost.last("ActWithdrawn"))["actor"] == "person:operator"


async def test_by_policy_the_second_one_draws_the_code(lost):
    await lost.want_two_for("unblock_phone")
    operator = await lost.call(OPERATOR)
    await lost.act("block", operator)
    assert (await lost.act("unblock", operator)).location == lost.page
    shown = await lost.staff.get("/admin/")
    form = do_form(shown)

    await lost.type_code(await lost.staff.post(form.action))

    assert status_of(await lost.look()) == ["Works"]


# The record.


async def test_the_record_says_what_was_seen_and_done_and_by_whom(lost):
    await lost.desk.approved()
    desk = await lost.call(SERVICE_DESK)
    typed = ago(lost, 5 * MINUTE)
    await lost.look(f"?lost={typed}", browser=desk)
    await lost.act("block", desk, lost=typed)
    shown = await lost.staff.get(f"{lost.page}/record?lost={typed}")

    assert shown.page.mistakes == []
    text = shown.page.text
    assert "Used after the loss" in text
    assert "Blocked at all organisations" in text
    assert "Looked at the last use" in text
    assert "Service-desk Proef" in text
    assert lost.phone.credential_id in text


async def test_the_record_of_a_revoked_phone_invites_its_holder_to_pair_again(lost):
    before = await lost.staff.get(f"{lost.page}/record")
    await lost.act("revoke")
    after = await lost.staff.get(f"{lost.page}/record")

    invitation = f"To pair again, its holder opens {lost.house.base_url}/portal/ with the UZI card"
    assert (invitation in before.page.text, invitation in after.page.text) == (False, True)


async def test_the_record_names_nobody_who_looked_at_another_organisation(lost):
    await lost.works_elsewhere_too()
    other = await at_work(lost.house, ADMINISTRATOR, "chief", ELSEWHERE)
    await lost.look(browser=other)
    shown = await lost.staff.get(f"{lost.page}/record")

    assert "Chief" not in shown.page.text


async def test_the_record_calls_another_organisations_staff_by_its_name(lost):
    await lost.works_elsewhere_too()
    other = await at_work(lost.house, ADMINISTRATOR, "chief", ELSEWHERE)
    await lost.act("block", other)

    here = (await lost.staff.get(f"{lost.page}/record")).page.text
    there = (await other.get(f"{lost.page}/record")).page.text

    assert "Chief" in there
    assert "Chief" not in here
    assert f"Organisatie {ELSEWHERE}" in here
