"""The log's pages: filters, pages, one event, exports; in both languages, without a script."""

import asyncio
import csv
import io
import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import ClientSession

from admin import log_flow
from admin.session import COOKIE
from pairing_server.audit.checkpoint import verifier
from pairing_server.audit.csv_form import csv_lines
from pairing_server.audit.events import AuthRequestApproved
from pairing_server.audit.export import verify_export, verify_lines
from pairing_server.registry import credentials, people
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import ELSEWHERE, at_work, employ
from tests.registry.people import CREDENTIAL

HEAD = AdministrativeRole.ADMINISTRATOR


@pytest.fixture
async def ward(house):
    """Anna, who has a phone and approved logins here and elsewhere."""
    await employ(house, "anna")
    await employ(house, "boris", ura=ELSEWHERE)
    phone = replace(
        CREDENTIAL, id="phone-anna", person_id="anna", pairing_id="p", device_token_digest=None
    )

    def change(tx):
        credentials.add(tx, replace(phone, name="Anna's phone"))
        people.update_person(tx, replace(people.get_person(tx, "anna"), uzi_number="900000999"))
        for ura, workstation in ((house.holder.ura, "Balie <1>"), (ELSEWHERE, "Geheim")):
            tx.record(
                AuthRequestApproved(
                    actor="person:anna",
                    object="auth-request:r",
                    ura=ura,
                    evidence={
                        "credential": "phone-anna",
                        "signed": {"workstation": workstation},
                    },
                )
            )

    await house.registry.commit(change)
    return house


def told(shown):
    """What the rows of the page say."""
    assert shown.status == 200, shown.text
    assert shown.page.mistakes == []
    heads = shown.page.all("th")
    return [each.text.strip() for each in heads if each.attributes.get("scope") == "row"]


async def jwks(house):
    async with ClientSession() as http, http.get(f"{house.base_url}/jwks.json") as answer:
        return (await answer.json())["keys"]


async def test_the_log_is_told_in_words_of_either_language(ward):
    browser = await at_work(ward, HEAD)
    shown = await browser.get("/admin/log?kind=AuthRequestApproved")

    assert "A login was approved on the phone" in shown.text
    assert "Balie &lt;1&gt;" in shown.text
    assert "Geheim" not in shown.text
    assert not re.search(r">\s*AuthRequestApproved\s*<", shown.text)
    browser.language = "nl"
    shown = await browser.get("/admin/log?kind=AuthRequestApproved")
    assert "Een inlogverzoek is goedgekeurd op de telefoon" in shown.text
    assert shown.page.mistakes == []


async def test_a_person_is_looked_for_without_a_number_in_any_url(ward):
    browser = await at_work(ward, HEAD)

    sent = await browser.post("/admin/log/person", {"named": "900000999"})

    assert sent.location == "/admin/log?person=anna"
    shown = await browser.get(sent.location)
    assert "Person: Anna Proef" in shown.text
    assert "At another organisation" in shown.text
    assert "Geheim" not in shown.text
    assert "Anna&#39;s phone" in shown.text


@pytest.mark.parametrize("named", ["", "900000000", "boris"])
async def test_nobody_of_another_organisation_is_found(ward, named):
    browser = await at_work(ward, HEAD)
    other = await ward.registry.read(lambda tx: people.get_person(tx, "boris"))

    shown = await browser.post("/admin/log/person", {"named": named})
    foreign = await browser.post("/admin/log/person", {"named": other.user_name})

    assert (shown.status, foreign.status) == (404, 404)
    assert shown.page.heading == "Nobody found"


async def test_chips_take_away_what_is_looked_for(ward):
    browser = await at_work(ward, HEAD)
    shown = await browser.get("/admin/log?person=anna&phone=phone-anna&kind=logins")

    links = {
        each["href"] for each in shown.page.all("a") if each["href"].startswith("/admin/log?")
    }
    assert links >= {
        "/admin/log?kind=logins",
        "/admin/log?person=anna&kind=logins",
        "/admin/log?person=anna&phone=phone-anna",
    }
    assert "Kind: Logins" in shown.text


async def test_pages_follow_each_other(ward):
    browser = await at_work(ward, HEAD)

    def many(tx):
        for _ in range(60):
            tx.record(
                AuthRequestApproved(
                    actor="person:anna", object="auth-request:r", ura=ward.holder.ura
                )
            )

    await ward.registry.commit(many)
    first = await browser.get("/admin/log?kind=AuthRequestApproved")
    links = first.page.all("a")
    older = next(each["href"] for each in links if each.attributes.get("rel") == "next")
    second = await browser.get(older)

    assert (len(told(first)), len(told(second))) == (50, 11)
    assert 'href="/admin/log?kind=AuthRequestApproved"' in second.text


@pytest.mark.parametrize(
    "query", ["kind=x", "since=x", "before=1.2.3", "person=a+b", "kind=log&kind=log"]
)
async def test_what_there_is_not_is_refused_in_words(ward, query):
    browser = await at_work(ward, HEAD)

    shown = await browser.get(f"/admin/log?{query}")

    assert shown.status == 400
    assert shown.page.mistakes == []


async def test_one_event_is_shown_field_for_field(ward):
    browser = await at_work(ward, HEAD)
    shown = await browser.get("/admin/log?kind=AuthRequestApproved")
    path = next(each["href"] for each in shown.page.all("a") if "/events/" in each["href"])

    shown = await browser.get(path)

    assert shown.page.mistakes == []
    for field in ("EventID", "eventTypeCode", "AuditEnterpriseSiteID", "participantObjectID"):
        assert field in shown.text
    (event,) = [
        each
        for each in await ward.events()
        if each["action"] == "AuthRequestApproved" and each["ura"] == ward.holder.ura
    ]
    assert event["hash"] in shown.text
    assert "Balie &lt;1&gt;" in shown.text


async def test_what_happened_elsewhere_leads_nowhere(ward):
    browser = await at_work(ward, HEAD)
    shown = await browser.get("/admin/log?person=anna")
    (foreign,) = [each["id"] for each in await ward.events() if each["ura"] == ELSEWHERE]

    assert foreign not in shown.text
    assert (await browser.get(f"/admin/log/events/{foreign}")).status == 404


@pytest.mark.parametrize("form", ["json", "csv"])
async def test_an_export_verifies_by_the_servers_keys(ward, form):
    browser = await at_work(ward, HEAD)

    sent = await browser.post("/admin/log/export", {"form": form, "person": "anna"})

    assert sent.status == 200
    assert sent.headers["Content-Disposition"].startswith("attachment; filename=")
    assert ELSEWHERE not in sent.text
    assert "Geheim" not in sent.text
    check = verifier(await jwks(ward))
    if form == "json":
        assert verify_export(sent.text.splitlines(), check) == []
    else:
        assert verify_lines(csv_lines(io.StringIO(sent.text, newline="")), check) == []
        rows = csv.DictReader(io.StringIO(sent.text, newline=""))
        said = [row["what"] for row in rows if row["type"] == "event"]
        assert said[0] == "A login was approved on the phone"


async def test_an_export_in_the_form_of_nen_7513_is_one_event_a_line(ward):
    browser = await at_work(ward, HEAD)

    sent = await browser.post("/admin/log/export", {"form": "nen7513"})

    read = [json.loads(line) for line in sent.text.splitlines()]
    approved = next(each for each in read if each["EventID"] == "AuthRequestApproved")
    assert approved["users"][0]["userName"] == "Anna Proef"
    assert approved["AuditSourceID"] == ward.base_url
    assert {each["AuditEnterpriseSiteID"] for each in read} <= {ward.holder.ura}
    times = [each["EventDateTime"] for each in read]
    assert times == sorted(times, reverse=True)
    assert read[0]["EventID"] == "AuditExported"


async def test_the_form_of_nen_7513_has_what_is_looked_for_page_by_page(ward, monkeypatch):
    browser = await at_work(ward, HEAD)
    wanted = {"form": "nen7513", "person": "anna"}
    whole = (await browser.post("/admin/log/export", wanted)).text.splitlines()
    monkeypatch.setattr(log_flow, "CHUNK", 1)

    exported, *paged = (await browser.post("/admin/log/export", wanted)).text.splitlines()

    assert "AuditExported" in exported
    assert paged == whole
    assert any("Anna Proef" in each for each in whole)
    assert not any(ELSEWHERE in each for each in whole)


async def test_who_hangs_up_while_the_log_is_sent_is_no_bug(ward, monkeypatch, capsys):
    async def endless(*_):
        while True:
            yield {"type": "left-out", "digests": ["x" * 43] * 500}
            await asyncio.sleep(0)

    monkeypatch.setattr(log_flow, "export_lines", endless)
    browser = await at_work(ward, HEAD)
    reader, writer = await asyncio.open_connection("localhost", ward.settings.port)
    body = "form=json"
    writer.write(
        (
            f"POST /admin/log/export HTTP/1.1\r\nHost: {ward.settings.host}\r\n"
            f"Origin: {ward.base_url}\r\nCookie: {COOKIE}={browser.cookie(COOKIE)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
    )
    assert b" 200 " in await reader.readline()
    writer.transport.abort()

    said = ""
    for _ in range(400):
        said += capsys.readouterr().out
        if "hung up" in said:
            break
        await asyncio.sleep(0.05)

    assert "hung up" in said
    assert "Traceback" not in said


async def test_two_exports_run_at_a_time_for_each_who_makes_them(ward, monkeypatch):
    browser = await at_work(ward, HEAD)
    other = await at_work(ward, HEAD, "other")
    begun, go_on = asyncio.Semaphore(0), asyncio.Event()
    lines = log_flow.export_lines

    async def held(*given):
        begun.release()
        await go_on.wait()
        async for line in lines(*given):
            yield line

    monkeypatch.setattr(log_flow, "export_lines", held)
    forms = [{"form": form} for form in ("json", "csv")]
    both = [asyncio.create_task(browser.post("/admin/log/export", form)) for form in forms]
    for _ in both:
        await begun.acquire()

    async with asyncio.timeout(5):
        third = await browser.post("/admin/log/export", {"form": "nen7513"})
    go_on.set()
    others = await other.post("/admin/log/export", {"form": "json"})

    assert (third.status, third.headers["Retry-After"]) == (429, "60")
    assert "still run" in third.page.text
    assert [(await each).status for each in both] == [200, 200]
    assert others.status == 200
    assert (await browser.post("/admin/log/export", {"form": "csv"})).status == 200


async def test_an_export_of_another_form_or_kind_is_refused(ward):
    browser = await at_work(ward, HEAD)

    for form in ({"form": "xls"}, {}, {"form": "csv", "kind": "x"}):
        assert (await browser.post("/admin/log/export", form)).status == 400
    assert [each for each in await ward.events() if each["action"] == "AuditExported"] == []


async def test_an_operator_sees_the_log_and_is_offered_no_export(ward):
    browser = await at_work(ward, AdministrativeRole.OPERATOR)
    shown = await browser.get("/admin/log")

    assert "/admin/log/export" not in shown.text
    assert (await browser.post("/admin/log/export", {"form": "csv"})).status == 403


async def test_every_view_is_in_the_log_and_a_reload_is_not(ward, clock):
    browser = await at_work(ward, HEAD)
    for _ in range(3):
        await browser.get("/admin/log")
    clock.advance(timedelta(minutes=2))
    await browser.get("/admin/log")

    views = [each for each in await ward.events() if each["action"] == "LogViewed"]
    assert [each["object"] for each in views] == [f"audit-log:{ward.holder.ura}"] * 2
