"""An administrator settles which phones are taken, and what two people are wanted for."""

import json

from pairing_server.registry import organisations
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import ELSEWHERE, at_work, dismiss_meanwhile, employ, set_role
from tests.admin.test_dashboard_routes import add_phone

SETTLED = {"revoke_phone": "yes", "unblock_phone": "yes"}


async def policy(house, ura=None):
    found = await house.registry.read(lambda tx: organisations.get(tx, ura or house.holder.ura))
    return found.admin_policy


async def test_what_is_ticked_is_wanted_and_what_is_not_is_not(house):
    browser = await at_work(house, AdministrativeRole.ADMINISTRATOR)
    await browser.post("/admin/organisation/policy", SETTLED)
    assert await policy(house) == {"second": ["revoke_phone", "unblock_phone"]}
    shown = await browser.get("/admin/organisation")
    ticked = [each["name"] for each in shown.page.all("input") if "checked" in each.attributes]
    assert shown.page.mistakes == []
    assert sorted(ticked) == ["revoke_phone", "unblock_phone"]

    await browser.post("/admin/organisation/policy", SETTLED)

    changed = [each for each in await house.events() if each["action"] == "AdminPolicyChanged"]
    assert len(changed) == 1


FEWER = {"unblock_phone": "yes", "register_2b": "yes"}


async def test_nobody_takes_away_alone_what_keeps_them_from_acting_alone(house):
    browser = await at_work(house, AdministrativeRole.ADMINISTRATOR)
    await browser.post("/admin/organisation/policy", SETTLED)

    asked = await browser.post("/admin/organisation/policy", FEWER)

    assert await policy(house) == {"second": ["register_2b", "revoke_phone", "unblock_phone"]}
    assert "asked" in asked.location
    told = (await browser.get(asked.location)).page.text
    assert "a colleague says on the overview, within a day" in told
    again = await browser.post("/admin/organisation/policy", FEWER)
    assert (again.status, "first" in again.page.text) == (409, True)
    assert pending(await browser.get("/admin/"), "do") == []


def pending(shown, name):
    actions = [each["action"] for each in shown.page.all("form")]
    return [each for each in actions if each.startswith("/admin/pending/") and name in each]


async def test_a_second_administrator_lets_one_be_enough_again(house):
    browser = await at_work(house, AdministrativeRole.ADMINISTRATOR)
    other = await at_work(house, AdministrativeRole.ADMINISTRATOR, "other")
    await browser.post("/admin/organisation/policy", SETTLED)
    await browser.post("/admin/organisation/policy", FEWER)
    shown = await other.get("/admin/")
    (do,) = pending(shown, "/do")

    own = await browser.post(do)
    done = await other.post(do)
    again = await other.post(do)

    assert shown.page.mistakes == []
    assert "No longer two for: Revoke a phone" in shown.page.text
    assert (own.status, done.status, again.status) == (403, 303, 409)
    assert await policy(house) == {"second": ["register_2b", "unblock_phone"]}
    changed = [each for each in await house.events() if each["action"] == "AdminPolicyChanged"]
    assert changed[-1]["actor"] == "person:other"
    assert json.loads(changed[-1]["evidence"])["asked_by"] == "person:administrator"


async def test_what_was_wanted_meanwhile_stays_wanted(house):
    browser = await at_work(house, AdministrativeRole.ADMINISTRATOR)
    other = await at_work(house, AdministrativeRole.ADMINISTRATOR, "other")
    await browser.post("/admin/organisation/policy", {"revoke_phone": "yes"})
    await browser.post("/admin/organisation/policy", {})
    await other.post("/admin/organisation/policy", SETTLED)
    (do,) = pending(await other.get("/admin/"), "/do")

    await other.post(do)

    assert await policy(house) == {"second": ["unblock_phone"]}


async def test_fewer_that_somebody_asked_for_who_was_dismissed_is_not_done(house):
    browser = await at_work(house, AdministrativeRole.ADMINISTRATOR)
    other = await at_work(house, AdministrativeRole.ADMINISTRATOR, "other")
    await browser.post("/admin/organisation/policy", SETTLED)
    await browser.post("/admin/organisation/policy", {})
    (do,) = pending(await other.get("/admin/"), "/do")
    await set_role(house, "administrator", AdministrativeRole.OPERATOR)

    assert (await other.post(do)).status == 409
    assert await policy(house) == {"second": ["revoke_phone", "unblock_phone"]}


async def test_what_was_asked_for_is_withdrawn(house):
    browser = await at_work(house, AdministrativeRole.ADMINISTRATOR)
    await browser.post("/admin/organisation/policy", SETTLED)
    await browser.post("/admin/organisation/policy", {})
    (withdraw,) = pending(await browser.get("/admin/"), "withdraw")

    await browser.post(withdraw)

    assert pending(await browser.get("/admin/"), "") == []
    event = (await house.events())[-1]
    assert (event["action"], event["object"]) == (
        "ActWithdrawn",
        f"organisation:{house.holder.ura}",
    )
    assert await policy(house) == {"second": ["revoke_phone", "unblock_phone"]}


async def test_what_else_a_form_says_changes_nothing(house):
    """Mass assignment: neither another organisation's policy, nor anything beside it."""
    await employ(house, "boris", ura=ELSEWHERE)
    browser = await at_work(house, AdministrativeRole.ADMINISTRATOR)
    form = {**SETTLED, "ura": ELSEWHERE, "block_phone": "yes", "second": "x", "name": "Anders"}

    await browser.post("/admin/organisation/policy", form)

    assert await policy(house) == {"second": ["revoke_phone", "unblock_phone"]}
    assert await policy(house, ELSEWHERE) == {}
    own = await house.registry.read(lambda tx: organisations.get(tx, house.holder.ura))
    assert own.name != "Anders"


async def test_an_operator_sees_the_rules_and_changes_none(house):
    browser = await at_work(house, AdministrativeRole.OPERATOR)
    shown = await browser.get("/admin/organisation")

    assert shown.page.forms("/admin/organisation/policy")
    assert all("disabled" in each.attributes for each in shown.page.all("input", type="checkbox"))
    assert (await browser.post("/admin/organisation/policy", SETTLED)).status == 403
    assert (await browser.post(PHONES, {"hardware": "yes"})).status == 403
    assert await keys(house) == {}


PHONES = "/admin/organisation/phones"


async def keys(house, ura=None):
    found = await house.registry.read(lambda tx: organisations.get(tx, ura or house.holder.ura))
    return found.key_policy


async def test_which_phones_are_taken_is_settled_and_what_the_operator_agreed_stays(house):
    browser = await at_work(house, AdministrativeRole.ADMINISTRATOR)
    agreed, ura = {"synced": "substantial", "max_phones": 3}, house.holder.ura
    await house.registry.commit(lambda tx: organisations.set_key_policy(tx, ura, agreed))
    form = {"hardware": "yes", "no_copies": "yes", "synced": "low", "max_phones": "20"}

    sent = await browser.post(PHONES, form)

    strict = {"verdicts": ["hardware"], "backup_eligible": "refuse"}
    assert await keys(house) == agreed | strict
    shown = await browser.get(sent.location)
    ticked = [each["name"] for each in shown.page.all("input") if "checked" in each.attributes]
    assert ticked == ["hardware", "no_copies"]
    await browser.post(PHONES, form)
    await browser.post(PHONES, {})
    assert await keys(house) == agreed
    told = [each for each in await house.events() if each["action"] == "KeyPolicyChanged"]
    assert [json.loads(each["evidence"]) for each in told] == [agreed | strict, agreed]


async def test_it_says_how_many_phones_would_open_nothing(house):
    browser = await at_work(house, AdministrativeRole.ADMINISTRATOR)
    await employ(house, "anna")
    await employ(house, "boris", ura=ELSEWHERE)
    for name in ("anna", "boris"):
        kept = {"attestation_verdict": "hardware", "backup_eligible": False}
        await add_phone(house, name, 1, **kept)
        await add_phone(house, name, 2, **{**kept, "attestation_verdict": "unknown"})
        await add_phone(house, name, 3, **{**kept, "backup_eligible": True})
        blocked = {"status": CredentialStatus.BLOCKED, "backup_eligible": True}
        await add_phone(house, name, 4, **blocked)

    shown = (await browser.get("/admin/organisation")).page.text

    assert "It is not known of one phone that works now." in shown
    assert "One phone that works now has such a key." in shown


async def test_who_is_dismissed_meanwhile_settles_nothing(house, monkeypatch):
    browser = await at_work(house, AdministrativeRole.ADMINISTRATOR)
    dismiss_meanwhile(house, monkeypatch)

    assert (await browser.post(PHONES, {"hardware": "yes"})).status == 401
    assert await keys(house) == {}
