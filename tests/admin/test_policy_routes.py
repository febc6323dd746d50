"""An administrator settles what the organisation wants two people for."""

from pairing_server.registry import organisations
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import ELSEWHERE, at_work, employ

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
    assert sorted(ticked) == ["revoke_phone", "unblock_phone"]

    await browser.post("/admin/organisation/policy", {})

    assert await policy(house) == {"second": []}
    changed = [each for each in await house.events() if each["action"] == "AdminPolicyChanged"]
    assert len(changed) == 2


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
