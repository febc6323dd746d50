"""The front page counts what this organisation has, and tells what it was told."""

from dataclasses import replace
from datetime import timedelta

from pairing_server.registry import credentials, notices
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.notices import Notice, NoticeKind
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import ELSEWHERE, at_work, employ
from tests.registry.people import CREDENTIAL

DAY = timedelta(days=1)


async def add_phone(house, person, number, **changed):
    phone = replace(
        CREDENTIAL,
        id=f"phone-{person}-{number}",
        person_id=person,
        pairing_id=f"pairing-{person}-{number}",
        device_token_digest=None,
        expires_at=house.ports.clock() + 400 * DAY,
        **changed,
    )
    await house.registry.commit(lambda tx: credentials.add(tx, phone))


async def tiles(browser):
    shown = await browser.get("/admin/")
    return [int(each.text) for each in shown.page.all("strong")][:4]


async def tell(house, identifier, ura):
    notice = Notice(
        id=identifier,
        ura=ura,
        kind=NoticeKind.SIGN_COUNT,
        at=house.ports.clock(),
        subject={"people": [{"id": "anna", "name": "Anna Proef", "user_name": "anna"}]},
    )
    await house.registry.commit(lambda tx: notices.add(tx, notice))


async def test_it_counts_people_and_phones_of_this_organisation_alone(house):
    browser = await at_work(house, AdministrativeRole.OPERATOR)
    now = house.ports.clock()
    await employ(house, "anna")
    await employ(house, "gone", valid_until=now - DAY)
    await employ(house, "boris", ura=ELSEWHERE)
    for person in ("anna", "gone", "boris"):
        await add_phone(house, person, 1)
    assert await tiles(browser) == [2, 1, 0, 0]

    await add_phone(house, "anna", 2, status=CredentialStatus.BLOCKED)
    soon = replace(CREDENTIAL, id="s", person_id="anna", pairing_id="s", device_token_digest=None)
    soon = replace(soon, expires_at=now + 20 * DAY)
    await house.registry.commit(lambda tx: credentials.add(tx, soon))

    assert await tiles(browser) == [2, 2, 1, 1]


async def test_a_notice_is_read_once_by_who_may(house):
    browser = await at_work(house, AdministrativeRole.OPERATOR)
    await tell(house, "n1", house.holder.ura)
    shown = await browser.get("/admin/")
    assert "The key of a phone may have been copied" in shown.page.text
    assert "Anna Proef" in shown.page.text

    sent = await browser.post("/admin/notices/read", {"notice": "n1"})

    assert sent.location == "/admin/"
    assert "Anna Proef" not in (await browser.get("/admin/")).page.text
    await browser.post("/admin/notices/read", {"notice": "n1"})
    read = [event for event in await house.events() if event["action"] == "NoticeRead"]
    assert [event["actor"] for event in read] == ["person:operator"]


async def test_what_another_organisation_was_told_is_unknown(house):
    browser = await at_work(house, AdministrativeRole.OPERATOR)
    await employ(house, "boris", ura=ELSEWHERE)
    await tell(house, "n2", ELSEWHERE)

    assert (await browser.post("/admin/notices/read", {"notice": "n2"})).status == 404
    assert "Anna Proef" not in (await browser.get("/admin/")).page.text
