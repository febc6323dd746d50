"""Finding an event, with what its neighbours say of it."""

import json
from dataclasses import replace

import pytest
import sqlalchemy as sa

from pairing_server.audit.export import export
from pairing_server.evidence import check_link
from pairing_server.evidence.log import ExportLog, RegistryLog
from pairing_server.registry.tables import audit_event
from tests.databases import *  # noqa: F403  (the fixtures that its `__all__` names)
from tests.databases import execute
from tests.registry.doubles import add_organisation

URAS = ["00000001", "00000002", "00000003"]


@pytest.fixture
async def filled(open_at, own_url):
    """Two chains; the second has one event more, about an organisation of the first."""
    main, other = open_at(own_url), open_at(own_url, "other")
    for ura in URAS:
        await main.commit(add_organisation(ura))
    await other.commit(add_organisation("00000009"))
    return main


@pytest.fixture(params=["registry", "export"])
async def log(request, filled, tmp_path):
    if request.param == "registry":
        return RegistryLog(filled)
    file = tmp_path / "log.jsonl"
    file.write_text("".join([line + "\n" async for line in export(filled)]))
    return ExportLog(file)


async def ids(registry):
    query = sa.select(audit_event.c.id).order_by(audit_event.c.chain, audit_event.c.sequence)
    return [row["id"] for row in await registry.read(lambda tx: tx.all(query))]


async def test_every_event_is_found_in_its_place(filled, log):
    for event_id in await ids(filled):
        linked = await log.by_id(event_id)

        assert linked.entry.facts.id == event_id
        assert check_link(linked).holds


async def test_an_event_is_found_by_what_it_did_to_what(log):
    about = f"organisation:{URAS[1]}"

    found = await log.by_object("OrganisationRegistered", about)

    assert found.entry.facts.object == about
    assert await log.by_object("PersonRegistered", about) is None
    assert await log.by_object("OrganisationRegistered", "organisation:x") is None


async def test_an_unknown_event_is_none(log):
    assert await log.by_id("unknown") is None


TAMPERED = {
    "what it says": ("UPDATE audit_event SET object = 'x' WHERE sequence = 2", "hash"),
    "the one before": ("DELETE FROM audit_event WHERE sequence = 1", "follow"),
    "another before": (
        f"UPDATE audit_event SET hash = '{'00' * 32}' WHERE sequence = 1",
        "follow",
    ),
    "the one after": ("DELETE FROM audit_event WHERE sequence = 3", "follows it"),
    "another after": (
        f"UPDATE audit_event SET previous = '{'00' * 32}' WHERE sequence = 3",
        "follows it",
    ),
}


@pytest.mark.parametrize(("statement", "told"), TAMPERED.values(), ids=TAMPERED)
async def test_what_was_done_around_an_event_is_told(filled, own_url, tmp_path, statement, told):
    event_id = (await ids(filled))[1]
    disarm(own_url)
    execute(own_url, statement)
    file = tmp_path / "log.jsonl"
    file.write_text("".join([line + "\n" async for line in export(filled)]))

    for log in (RegistryLog(filled), ExportLog(file)):
        check = check_link(await log.by_id(event_id))

        assert check.holds is False
        assert told in check.detail


def disarm(url):
    """Drop the triggers, as who holds the database can."""
    if url.startswith("sqlite"):
        execute(url, "DROP TRIGGER audit_event_no_update", "DROP TRIGGER audit_event_no_delete")
    else:
        for trigger in ("audit_event_no_change", "audit_event_no_delete"):
            execute(url, f"DROP TRIGGER {trigger} ON audit_event")


async def test_a_head_that_was_moved_is_told_of_the_last_event(filled, own_url):
    last = (await ids(filled))[2]
    execute(own_url, f"UPDATE audit_chain SET hash = '{'00' * 32}' WHERE name = 'main'")

    assert check_link(await RegistryLog(filled).by_id(last)).holds is False


async def test_an_event_that_has_no_hash_does_not_hold(filled):
    linked = await RegistryLog(filled).by_id((await ids(filled))[0])
    entry = replace(linked.entry, previous="x")

    assert check_link(replace(linked, entry=entry)).holds is False


@pytest.mark.parametrize(
    "changed",
    [{"chain": b"main"}, {"chain": 1}, {"time": "x"}, {"sequence": 2**62}, {"evidence": b"{}"}],
)
async def test_a_column_that_holds_what_was_never_written_there_is_told(filled, changed):
    linked = await RegistryLog(filled).by_id((await ids(filled))[0])
    entry = replace(linked.entry, facts=replace(linked.entry.facts, **changed))

    check = check_link(replace(linked, entry=entry))

    assert (check.holds, check.detail) == (False, "a column holds what was never written there")


@pytest.mark.parametrize("line", ["nothing", "[]", "{}", '{"type": "event"}', "1"])
async def test_what_is_no_export_is_said(tmp_path, line):
    file = tmp_path / "log.jsonl"
    file.write_text(json.dumps({"type": "checkpoint"}) + "\n\n" + line + "\n")

    with pytest.raises(ValueError, match=r"export|Expecting"):
        await ExportLog(file).by_id("x")
