"""A client whose people log in only where they have logged in before: by every way of asking."""

from contextlib import aclosing

import pytest
import sqlalchemy as sa

from clients.wire import WireError
from pairing_server.registry.tables import client as client_table
from tests.oidc.browser import login_page
from tests.oidc.test_card_logins import asked, show
from tests.oidc.test_redemption import change

POLICY = '{"known_workstation": true}'
KNOWN = {"workstation_id": "known"}


@pytest.fixture
async def strict(desk):
    """A desk at which its person has logged in once, before the policy was agreed."""
    await desk.approved(request_context=KNOWN)
    await change(desk, sa.update(client_table).values(policy=POLICY))
    return desk


async def test_a_yes_counts_where_the_person_has_logged_in_before(strict):
    started, request = await strict.ask(request_context=KNOWN)
    await strict.phone.approve(request, started.binding_code)
    assert await strict.outcome(started) == "assertion"


@pytest.mark.parametrize("context", [{"workstation_id": "new"}, {}])
async def test_elsewhere_it_is_none_and_the_person_can_still_say_no(strict, context):
    started, request = await strict.ask(request_context=context)
    with pytest.raises(WireError) as refused:
        await strict.phone.approve(request, started.binding_code)
    assert (refused.value.status, refused.value.error) == (403, "workstation_not_known")
    assert await strict.outcome(started) == "pending"
    await strict.phone.deny(request, "not_me")
    assert await strict.outcome(started) == "not_me"


async def test_at_the_login_page_a_card_makes_a_browser_known(house, program, phone):
    await house.registry.commit(lambda tx: tx.run(sa.update(client_table).values(policy=POLICY)))
    page = await (await login_page(house, program)).open()
    with pytest.raises(WireError) as refused:
        await page.approve(phone)
    assert refused.value.error == "workstation_not_known"

    await show(page, await asked(page))
    assert "code" in await page.answer()
    await page.open()
    await page.approve(phone)
    assert "code" in await page.answer()


async def test_who_scans_at_a_new_workstation_opens_nothing_there(strict):
    started = await strict.workstation.start_for_whoever_scans()
    async with aclosing(strict.workstation.frames(started)) as frames:
        async for frame in frames:
            request = await strict.phone.get(await strict.phone.scan_login(frame.link))
            break
    with pytest.raises(WireError) as refused:
        await strict.phone.approve(request, "")
    assert refused.value.error == "workstation_not_known"
