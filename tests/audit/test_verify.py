"""Verifying the log: who holds the database can do what he likes, and is found out."""

import asyncio

import pytest

from pairing_server.audit import pages
from pairing_server.audit.chain import genesis
from pairing_server.audit.checkpoint import Checkpoints, verifier
from pairing_server.audit.export import export, read_last_checkpoint, verify_export
from pairing_server.audit.verify import verify
from pairing_server.audit.walk import Fault, Seen
from pairing_server.clock import to_milliseconds
from tests.audit.doubles import Signer, fill
from tests.databases import execute, fetch

UNLOCK = {
    "sqlite": (
        "DROP TRIGGER audit_event_no_update",
        "DROP TRIGGER audit_event_no_delete",
        "DROP TRIGGER audit_checkpoint_no_update",
        "DROP TRIGGER audit_checkpoint_no_delete",
    ),
    "postgresql": ("SET session_replication_role = replica",),
}
SWAP = (
    "UPDATE audit_event SET sequence = 99 WHERE chain = 'main' AND sequence = 2",
    "UPDATE audit_event SET sequence = 2 WHERE chain = 'main' AND sequence = 5",
    "UPDATE audit_event SET sequence = 5 WHERE chain = 'main' AND sequence = 99",
)
MOVE_HEAD = (
    "UPDATE audit_chain SET sequence = 4, hash = (SELECT hash FROM audit_event"
    " WHERE chain = 'main' AND sequence = 4) WHERE name = 'main'"
)
TAMPERING = {
    "a changed event": (
        ("UPDATE audit_event SET actor = 'x' WHERE chain = 'main' AND sequence = 3",),
        [(Fault.CHANGED, "main", 3)],
    ),
    "a changed event in each chain": (
        ("UPDATE audit_event SET evidence = '{}' WHERE sequence >= 3",),
        [(Fault.CHANGED, "main", 3), (Fault.CHANGED, "other", 3)],
    ),
    "a missing event": (
        ("DELETE FROM audit_event WHERE chain = 'main' AND sequence = 3",),
        [(Fault.MISSING, "main", 3)],
    ),
    "a missing first event": (
        ("DELETE FROM audit_event WHERE chain = 'main' AND sequence = 1",),
        [(Fault.MISSING, "main", 1)],
    ),
    "events that changed places": (SWAP, [(Fault.REORDERED, "main", 2)]),
    "a tail that was cut off": (
        ("DELETE FROM audit_event WHERE chain = 'main' AND sequence > 7",),
        [(Fault.TAIL_CUT, "main", 8)],
    ),
    "a chain whose events are gone": (
        ("DELETE FROM audit_event WHERE chain = 'main'",),
        [(Fault.TAIL_CUT, "main", 1), (Fault.CHECKPOINT_BROKEN, "main", 6)],
    ),
    "a head with another hash": (
        ("UPDATE audit_chain SET hash = 'x' WHERE name = 'main'",),
        [(Fault.HEAD_MOVED, "main", 8)],
    ),
    "a head that was moved back": (
        ("UPDATE audit_chain SET sequence = 4 WHERE name = 'main'",),
        [(Fault.HEAD_MOVED, "main", 4)],
    ),
    "a head that is gone": (
        ("DELETE FROM audit_chain WHERE name = 'main'",),
        [(Fault.UNKNOWN_CHAIN, "main", 8)],
    ),
    "a tail that was cut off with its head moved": (
        (
            "DELETE FROM audit_event WHERE chain = 'main' AND sequence > 4",
            MOVE_HEAD,
        ),
        [(Fault.CHECKPOINT_BROKEN, "main", 6)],
    ),
    "a chain that is gone without a trace": (
        (
            "DELETE FROM audit_event WHERE chain = 'main'",
            "DELETE FROM audit_chain WHERE name = 'main'",
        ),
        [(Fault.CHECKPOINT_BROKEN, "main", 6)],
    ),
    "a checkpoint that was changed": (
        ("UPDATE audit_checkpoint SET made_at = made_at + 1 WHERE number = 1",),
        [(Fault.CHECKPOINT_FORGED, None, 1)],
    ),
    "a checkpoint that was made up": (
        ("INSERT INTO audit_checkpoint VALUES (7, 0, '{}', 'e30.e30.e30')",),
        [(Fault.CHECKPOINT_FORGED, None, 7)],
    ),
}


@pytest.fixture
def signer():
    return Signer()


@pytest.fixture
def check(signer):
    return verifier([signer.jwk])


@pytest.fixture
async def log(open_at, database_url, clock, signer):
    """Two chains of 6 and 3 events, a checkpoint, and two events more in the first."""
    registry = open_at(database_url, "main")
    await fill(registry, 6)
    await fill(open_at(database_url, "other"), 3)
    await Checkpoints(registry, signer, clock).make()
    await fill(registry, 2)
    return registry


def tamper(url, *statements):
    execute(url, *UNLOCK[url.split(":", maxsplit=1)[0]], *statements)


def places(findings):
    return [(finding.fault, finding.chain, finding.sequence) for finding in findings]


async def test_an_untouched_log_is_whole(log, check):
    assert await verify(log, check) == []


@pytest.mark.parametrize("name", TAMPERING)
async def test_tampering_is_found_and_named_in_the_log_and_in_an_export(
    log, database_url, check, name
):
    statements, expected = TAMPERING[name]
    tamper(database_url, *statements)
    lines = [line async for line in export(log)]

    assert places(await verify(log, check)) == expected
    assert places(verify_export(lines, check)) == expected


async def test_the_changed_event_is_named(log, database_url, check):
    (identifier,) = fetch(
        database_url, "SELECT id FROM audit_event WHERE chain = 'main' AND sequence = 3"
    )[0]
    tamper(
        database_url, "UPDATE audit_event SET actor = 'x' WHERE chain = 'main' AND sequence = 3"
    )

    (finding,) = await verify(log, check)

    assert finding.id == identifier


async def test_a_rewritten_chain_contradicts_the_checkpoint(log, database_url, check):
    empty = genesis("main").hash
    tamper(
        database_url,
        "DELETE FROM audit_event WHERE chain = 'main'",
        f"UPDATE audit_chain SET sequence = 0, hash = '{empty}' WHERE name = 'main'",
    )
    await fill(log, 8)

    assert places(await verify(log, check)) == [(Fault.CHECKPOINT_BROKEN, "main", 6)]
    lines = [line async for line in export(log)]
    assert places(verify_export(lines, check)) == [(Fault.CHECKPOINT_BROKEN, "main", 6)]


CUT_OFF_CLI = (
    "DELETE FROM audit_event WHERE chain = 'cli'",
    "DELETE FROM audit_chain WHERE name = 'cli'",
)


@pytest.fixture
async def later(log, open_at, database_url, clock, signer):
    """A log with a chain of commands, which every checkpoint but the first names."""
    cli = open_at(database_url, "cli")
    checkpoints = Checkpoints(cli, signer, clock)
    for _ in range(3):
        await fill(cli, 1)
        await checkpoints.make()
    return log


@pytest.mark.parametrize(
    ("where", "missing"), [("number = 1", 1), ("number = 2", 2), ("number BETWEEN 2 AND 3", 2)]
)
async def test_a_checkpoint_that_was_taken_out_is_missed(
    later, database_url, check, where, missing
):
    tamper(database_url, f"DELETE FROM audit_checkpoint WHERE {where}")

    expected = [(Fault.CHECKPOINT_MISSING, None, missing)]
    assert places(await verify(later, check)) == expected
    assert places(verify_export([line async for line in export(later)], check)) == expected


async def test_checkpoints_that_changed_places_are_found(later, database_url, check):
    numbers = ((2, 99), (3, 2), (99, 3))
    tamper(
        database_url,
        *(f"UPDATE audit_checkpoint SET number = {b} WHERE number = {a}" for a, b in numbers),
    )

    assert places(await verify(later, check)) == [(Fault.CHECKPOINT_REORDERED, None, 2)]


async def test_a_checkpoint_that_was_kept_misses_those_that_were_cut_off_the_end(
    later, database_url, check
):
    kept = read_last_checkpoint([line async for line in export(later)])
    assert await verify(later, check, since=kept) == []
    tamper(database_url, *CUT_OFF_CLI, "DELETE FROM audit_checkpoint WHERE number > 1")

    assert await verify(later, check) == []
    assert places(await verify(later, check, since=kept)) == [
        (Fault.CHECKPOINT_MISSING, None, 4),
        (Fault.CHECKPOINT_BROKEN, "cli", 3),
    ]


async def test_what_was_read_is_counted(later, check, clock):
    seen, time = Seen(), to_milliseconds(clock())

    await verify(later, check, seen=seen)

    assert seen == Seen({"main", "other", "cli"}, events=14, checkpoints=4, first=time, last=time)


async def test_two_events_in_one_place_are_found(own_url, open_at, check):
    registry = open_at(own_url)
    await fill(registry, 5)
    execute(
        own_url,
        "ALTER TABLE audit_event RENAME TO kept",
        "CREATE TABLE audit_event AS SELECT * FROM kept",
        "INSERT INTO audit_event SELECT chain, sequence, '~' || id, time, action, actor, object,"
        " ura, outcome, evidence, previous, hash, person, credential, workstation FROM kept"
        " WHERE sequence = 3",
    )

    assert places(await verify(registry, check)) == [(Fault.FORKED, "main", 3)]


@pytest.mark.parametrize("sequence", [0, -1, -(2**63)])
async def test_an_event_before_the_first_is_found(log, database_url, check, sequence):
    execute(
        database_url,
        "INSERT INTO audit_event (chain, sequence, id, time, action, actor, object, outcome,"
        f" evidence, previous, hash) VALUES ('main', {sequence}, 'x', 0, 'x', 'x', 'x', 'x',"
        " '{}', 'x', 'x')",
    )

    assert places(await verify(log, check)) == [(Fault.FORKED, "main", sequence)]


async def test_a_type_that_never_was_in_the_table_is_found(sqlite_url, open_at, check):
    registry = open_at(sqlite_url)
    await fill(registry, 3)
    tamper(sqlite_url, "UPDATE audit_event SET time = x'00' WHERE sequence = 2")

    assert places(await verify(registry, check)) == [(Fault.CHANGED, "main", 2)]


async def test_a_log_that_grows_meanwhile_is_whole(log, check, monkeypatch):
    monkeypatch.setattr(pages, "PAGE", 2)
    monkeypatch.setattr(pages, "_events", pages._events.limit(2))
    growing = asyncio.create_task(fill(log, 30))

    assert await verify(log, check) == []
    await growing


@pytest.mark.parametrize("change", ["person = 'x'", "credential = NULL", "workstation = 'x'"])
async def test_an_event_that_is_listed_elsewhere_than_it_says_is_found(
    log, database_url, check, change
):
    tamper(database_url, f"UPDATE audit_event SET {change} WHERE chain = 'main' AND sequence = 3")

    assert places(await verify(log, check)) == [(Fault.MISFILED, "main", 3)]
