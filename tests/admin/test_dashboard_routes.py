"""The front page tells whether anything is wrong, by what this organisation has alone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pairing_server.audit.events import (
    AuthRequestApproved,
    AuthRequestDenied,
    WorkstationFirstUsed,
)
from pairing_server.clock import wire_time
from pairing_server.registry import (
    clients,
    credentials,
    notices,
    pending_acts,
    push_health,
    streams,
)
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.notices import Notice, NoticeKind
from pairing_server.registry.pending_acts import PendingAct
from pairing_server.registry.people import AdministrativeRole
from pairing_server.registry.push_health import PushHealth
from tests.admin.desk import ELSEWHERE, at_work, employ
from tests.admin.test_streams_routes import register
from tests.oidc.test_key_certificates import EC_KEYS, certified
from tests.registry.people import CREDENTIAL
from tests.registry.test_streams import STREAM

DAY = timedelta(days=1)
CALM = "Nothing needs attention."


async def add_phone(house, person, number, **changed):
    identifier = f"phone-{person}-{number}"
    far = {"expires_at": house.ports.clock() + 400 * DAY}
    phone = replace(
        CREDENTIAL,
        id=identifier,
        person_id=person,
        pairing_id=f"pairing-{person}-{number}",
        device_token_digest=None,
        **(far | changed),
    )
    await house.registry.commit(lambda tx: credentials.add(tx, phone))
    return identifier


async def fail_to_wake(house, phone, *, is_over=False):
    now = house.ports.clock()
    ok_at = now + DAY if is_over else None
    health = PushHealth(last_ok_at=ok_at, last_error_at=now, last_error="timeout")
    await house.registry.commit(lambda tx: push_health.write(tx, {phone: health}))


async def tiles(browser):
    """What stands on each tile: its number, by a word of what it is."""
    shown = await browser.get("/admin/")
    found = {}
    for each in shown.page.all("li"):
        if each.attributes.get("class", "").startswith("sheet"):
            number, *words = each.text.split()
            found[" ".join(words)] = int(number)
    return found


def of(found, words):
    (number,) = [number for text, number in found.items() if words in text]
    return number


async def tell(house, identifier, ura):
    notice = Notice(
        id=identifier,
        ura=ura,
        kind=NoticeKind.SIGN_COUNT,
        at=house.ports.clock(),
        subject={"people": [{"id": "anna", "name": "Anna Proef", "user_name": "anna"}]},
    )
    await house.registry.commit(lambda tx: notices.add(tx, notice))


async def happen(house, kind, times=1, ura=None, **evidence):
    event = kind(
        actor="person:anna",
        object="auth-request:r",
        ura=ura or house.holder.ura,
        evidence={"shown": {"workstation": "Balie 1"}, **evidence},
    )
    for _ in range(times):
        await house.registry.commit(lambda tx: tx.record(event))


async def test_it_counts_people_and_phones_of_this_organisation_alone(house):
    browser = await at_work(house, AdministrativeRole.OPERATOR)
    now = house.ports.clock()
    await employ(house, "anna")
    await employ(house, "gone", valid_until=now - DAY)
    await employ(house, "boris", ura=ELSEWHERE)
    for person in ("gone", "boris"):
        await add_phone(house, person, 1)
        await add_phone(house, person, 2, status=CredentialStatus.BLOCKED)
        await fail_to_wake(house, await add_phone(house, person, 3, expires_at=now + 20 * DAY))
    await add_phone(house, "anna", 1)
    shown = (await browser.get("/admin/")).page.text
    assert "2 people work here. One phone works." in shown
    assert CALM in shown

    await add_phone(house, "anna", 2, status=CredentialStatus.BLOCKED)
    await add_phone(house, "anna", 3, expires_at=now + 20 * DAY)
    await fail_to_wake(house, await add_phone(house, "anna", 4))
    await fail_to_wake(house, await add_phone(house, "anna", 5), is_over=True)

    found = await tiles(browser)
    assert of(found, "blocked") == of(found, "expire") == of(found, "cannot be woken") == 1
    shown = (await browser.get("/admin/")).page.text
    assert "3 things need attention." in shown
    assert "4 phones work." in shown


async def test_a_number_of_the_log_is_wrong_where_it_is_more_than_usual(house):
    browser = await at_work(house, AdministrativeRole.OPERATOR)
    await employ(house, "boris", ura=ELSEWHERE)
    await happen(house, AuthRequestDenied, 2)
    await happen(house, AuthRequestDenied, 9, ELSEWHERE)
    await happen(house, WorkstationFirstUsed, 3)

    shown = (await browser.get("/admin/")).page

    assert "One thing needs attention." in shown.text
    found = await tiles(browser)
    assert (of(found, "declined"), of(found, "new to the person")) == (2, 3)
    (link,) = [each["href"] for each in shown.all("a") if "AuthRequestDenied" in each["href"]]
    listed = await browser.get(link)
    assert len(listed.page.all("tr")) == 3


async def test_what_waits_and_what_nobody_read_is_counted_for_who_may_do_something(house):
    now, ura = house.ports.clock(), house.holder.ura
    await employ(house, "anna")
    waiting = PendingAct(
        id="w",
        ura=ura,
        act="revoke_phone",
        subject={"person": "anna", "name": "Anna Proef", "phone": "Pixel", "credential": "c"},
        asked_by="anna",
        asked_at=now,
        expires_at=now + DAY,
    )
    await house.registry.commit(lambda tx: pending_acts.add(tx, waiting))
    await tell(house, "n1", ura)

    found = await tiles(await at_work(house, AdministrativeRole.OPERATOR))
    assert (of(found, "second administrator"), of(found, "nobody has read")) == (1, 1)
    shown = (await (await at_work(house, AdministrativeRole.OPERATOR)).get("/admin/")).page
    for anchor in ("pending", "notices"):
        assert shown.one("a", href=f"#{anchor}")
        assert shown.one("h2", id=anchor)
    desk = await at_work(house, AdministrativeRole.SERVICE_DESK)
    seen = await desk.get("/admin/")
    assert CALM in seen.page.text
    assert "Anna Proef" not in seen.text
    assert not [each for each in seen.page.all("a") if "/admin/log" in each["href"]]


async def connect(house, name, ura, key, **stream):
    made = replace(await register(house, name, [ura]), jwks={"keys": [key]})
    told = replace(STREAM, id=f"stream-{name}", client_id=name, **stream)

    def change(tx):
        clients.update(tx, made)
        streams.add(tx, told)

    await house.registry.commit(change)


async def test_systems_that_hear_nothing_or_end_soon_are_counted_for_who_may_see_them(
    house,
):
    now, ura = house.ports.clock(), house.holder.ura
    chief = await at_work(house, AdministrativeRole.ADMINISTRATOR)
    await employ(house, "boris", ura=ELSEWHERE)
    key = EC_KEYS[0]
    await connect(house, "theirs", ELSEWHERE, certified(key, now), failing_since=now)
    found = await tiles(chief)
    assert not [text for text in found if "ystems" in text]

    await connect(house, "well", ura, certified(key, now + 40 * DAY))
    found = await tiles(chief)
    assert (of(found, "told nothing now of 1"), of(found, "certificate expires")) == (0, 0)
    assert CALM in (await chief.get("/admin/")).page.text

    await connect(house, "ill", ura, certified(key, now + 20 * DAY), failing_since=now)
    found = await tiles(chief)
    assert (of(found, "told nothing now of 2"), of(found, "of 2 of which it is known")) == (1, 1)
    page = (await chief.get("/admin/")).page
    assert "2 things need attention." in page.text
    assert page.mistakes == []
    seen = await (await at_work(house, AdministrativeRole.OPERATOR)).get("/admin/")
    assert "systems" not in seen.page.text


async def test_the_charts_say_in_a_table_what_they_draw(house):
    browser = await at_work(house, AdministrativeRole.OPERATOR)
    asked = wire_time(house.ports.clock() - timedelta(seconds=30))
    await happen(house, AuthRequestApproved, 2, signed={"requested_at": asked})
    await happen(house, AuthRequestDenied)

    page = (await browser.get("/admin/")).page

    pictures = page.all("svg", role="img")
    assert len(pictures) == 3
    for each in pictures:
        title, said = each["aria-labelledby"].split()
        assert page.one("title", id=title).text
        assert page.one("desc", id=said).text
    assert len(page.all("table", class_="numbers")) == 3
    assert "Half within 3" in page.text
    assert page.mistakes == []


async def test_who_answered_nothing_took_no_time(house):
    browser = await at_work(house, AdministrativeRole.OPERATOR)

    assert "Nobody was asked in the last 24 hours." in (await browser.get("/admin/")).page.text


@pytest.mark.parametrize("language", ["en", "nl"])
async def test_it_says_as_of_when_its_numbers_are(house, language):
    browser = await at_work(house, AdministrativeRole.OPERATOR)
    browser.language = language
    now = house.ports.clock()

    shown = await browser.get("/admin/")

    told = {each["datetime"] for each in shown.page.all("time")}
    assert told & {wire_time(now + timedelta(seconds=late)) for late in range(4)}


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
