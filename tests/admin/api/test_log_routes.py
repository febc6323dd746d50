"""Programs read the log as administrators do: page by page, one event, and all of it signed."""

import json
import re
from dataclasses import replace

import pytest

from pairing_server.audit.checkpoint import verifier
from pairing_server.audit.events import AuthRequestApproved
from pairing_server.audit.export import verify_export
from pairing_server.registry import credentials
from tests.admin.desk import ELSEWHERE, employ
from tests.admin.machine import program
from tests.registry.people import CREDENTIAL


@pytest.fixture
async def siem(house):
    await employ(house, "anna")
    await employ(house, "boris", ura=ELSEWHERE)
    hr = await program(house, "rename", "see_person")
    for last_name in ("Een", "Twee", "Drie"):
        names = {"first_names": "Anna", "last_name": last_name}
        assert (await hr.change("PUT", "/people/anna/name", names)).status == 200
    return await program(house, "see_log", "export_log", name="SIEM")


def following(said):
    return re.fullmatch(r'<http[^>]*?(/admin/[^>]*)>; rel="next"', said.headers["Link"])[1]


async def pages(siem, path):
    found = []
    while path:
        said = await siem.get(path)
        assert said.status == 200
        found += said.body["events"]
        path = following(said) if "Link" in said.headers else ""
    return found


async def test_events_are_listed_page_by_page_each_once(siem):
    whole = await pages(siem, "/log?kind=PersonRenamed")
    parts = await pages(siem, "/log?kind=PersonRenamed&limit=1")

    assert whole == parts
    assert len({each["id"] for each in whole}) == 3
    assert {each["person"] for each in whole} == {"anna"}
    assert whole[0]["actor"].startswith("client:")


async def test_that_a_program_looked_is_in_the_log(siem, house):
    await siem.get("/log?person=anna")

    viewed = [each for each in await house.events() if each["action"] == "LogViewed"]
    assert [each["actor"] for each in viewed] == [f"client:{siem.client.id}"]
    assert json.loads(viewed[0]["evidence"])["looked_for"] == {"person": "anna"}


async def test_one_event_is_told_in_full_and_as_nen_7513_has_it(siem, house):
    (first, *_) = await pages(siem, "/log?kind=PersonRenamed")

    told = (await siem.get(f"/log/events/{first['id']}")).body

    assert told["evidence"]["is"] == "Anna Drie"
    assert told["nen7513"]["EventID"] == "PersonRenamed"
    assert told["nen7513"]["AuditSourceID"] == house.settings.origin


@pytest.mark.parametrize(
    ("query", "status"),
    [
        *(("kind=Nothing", 400), ("since=yesterday", 400), ("person=%27", 400), ("who=anna", 400)),
        *(("cursor=1.2", 400), ("limit=500", 400), ("person=nobody", 200)),
    ],
)
async def test_no_filter_is_passed_over(siem, query, status):
    assert (await siem.get(f"/log?{query}")).status == status


async def test_an_export_is_verified_away_from_the_server(siem, house):
    said = await siem.get("/log/export")

    assert (said.status, said.headers["Content-Type"]) == (200, "application/jsonl")
    lines = said.body.decode().splitlines()
    kinds = [json.loads(line)["type"] for line in lines]
    assert {"keys", "checkpoint", "event", "head"} <= set(kinds)
    assert verify_export(lines, verifier(json.loads(lines[0])["keys"])) == []
    assert "AuditExported" in said.body.decode()


async def test_an_export_is_sent_by_the_page_and_not_by_the_line(siem, house):
    url = house.base_url + siem.path("/log/export")
    headers = {"Authorization": f"Bearer {siem.token}"}

    async with house.http.get(url, headers=headers) as said:
        pieces = [(data, is_end) async for data, is_end in said.content.iter_chunks()]

    sent = b"".join(data for data, _ in pieces)
    assert sent.count(b"\n") > 5
    # The keys, and the rest.
    assert sum(is_end for _, is_end in pieces) == 2


async def test_of_another_organisation_nothing_is_exported_or_told(siem, house):
    there = await program(house, "see_log", uras=(ELSEWHERE,), name="There")
    await there.get("/log")
    exported = (await siem.get("/log/export")).body.decode()

    assert f'"ura": "{ELSEWHERE}"' not in exported
    assert f'"ura": "{siem.ura}"' in exported
    events = [each for each in await house.events() if each["ura"] == ELSEWHERE]
    assert events
    for event in events:
        assert (await siem.get(f"/log/events/{event['id']}")).status == 404


async def test_of_a_members_phone_elsewhere_it_is_told_that_it_was_used_and_no_more(siem, house):
    phone = replace(
        CREDENTIAL, id="phone-anna", person_id="anna", pairing_id="p", device_token_digest=None
    )
    used = AuthRequestApproved(
        actor="person:anna",
        object="auth-request:r",
        ura=ELSEWHERE,
        evidence={"credential": "phone-anna", "signed": {"workstation": "Geheim"}},
    )

    def change(tx):
        credentials.add(tx, phone)
        tx.record(used)

    await house.registry.commit(change)

    said = await siem.get("/log?phone=phone-anna&kind=AuthRequestApproved")

    (event,) = said.body["events"]
    assert event["is_elsewhere"] is True
    assert event["phone"] == "phone-anna"
    assert (event["id"], event["actor"], event["workstation"]) == (None, None, None)
    assert "Geheim" not in str(said.body)
