"""Events are counted by time, of one organisation and kind, by an index and nothing else."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy.dialects import sqlite

from pairing_server.audit import counts
from pairing_server.audit.counts import ANSWERS, Window, answer_times, by_time
from pairing_server.audit.events import AuthRequestApproved, AuthRequestDenied
from pairing_server.clock import wire_time
from pairing_server.registry.statement import Prepared

HERE, THERE = "90000380", "90000381"
HOUR = timedelta(hours=1)
# The clock's.
NOON = datetime(2026, 11, 22, 12, 0, 0, 123000, tzinfo=UTC)
HOURS = Window(since=NOON, step=HOUR, slots=4)
KINDS = ("AuthRequestApproved", "AuthRequestDenied")


def approved(ura=HERE, **evidence):
    return AuthRequestApproved(
        actor="person:p", object="auth-request:r", ura=ura, evidence={"credential": "c"} | evidence
    )


def denied(ura=HERE):
    return AuthRequestDenied(actor="person:p", object="auth-request:r", ura=ura)


@pytest.fixture
def record(registry, clock):
    async def at(moment, *events):
        clock.advance(moment - clock())
        for event in events:
            await registry.commit(lambda tx, event=event: tx.record(event))

    return at


async def counted(registry, *kinds, ura=HERE, window=HOURS):
    return await registry.read(lambda tx: by_time(tx, ura, kinds, window))


async def test_events_are_counted_in_the_stretch_in_which_they_were(registry, record):
    end = timedelta(milliseconds=1)
    await record(NOON, approved(), denied())
    await record(NOON + HOUR - end, approved())
    await record(NOON + HOUR, approved(), approved())
    await record(NOON + 4 * HOUR - end, approved())
    await record(NOON + 4 * HOUR, approved())

    assert await counted(registry, "AuthRequestApproved") == (2, 2, 0, 1)
    assert await counted(registry, "AuthRequestDenied") == (1, 0, 0, 0)
    assert await counted(registry, *KINDS) == (3, 2, 0, 1)
    later = HOURS.shifted(HOUR)
    assert await counted(registry, "AuthRequestApproved", window=later) == (2, 0, 1, 1)


async def test_what_happened_before_and_elsewhere_is_not_counted(registry, record):
    await record(NOON, approved(), approved(THERE))
    assert await counted(registry, *KINDS, window=HOURS.shifted(HOUR)) == (0, 0, 0, 0)
    assert await counted(registry, *KINDS, ura=THERE) == (1, 0, 0, 0)
    assert await counted(registry, *KINDS, ura="90000382") == (0, 0, 0, 0)


async def took(registry, window=HOURS, ura=HERE):
    found = await registry.read(lambda tx: answer_times(tx, ura, window))
    return [round(each.total_seconds(), 3) for each in found]


async def test_how_long_an_answer_took_is_by_what_was_signed(registry, record):
    asked = {"requested_at": wire_time(NOON)}
    await record(NOON + timedelta(seconds=8), approved(signed=asked), denied())
    await record(NOON + timedelta(seconds=21), approved(signed=asked), approved(THERE))

    assert await took(registry) == [21.123, 8.123]
    assert await took(registry, HOURS.shifted(HOUR)) == []


async def test_what_says_no_time_or_one_ahead_breaks_nothing(registry, record):
    ahead = {"requested_at": wire_time(NOON + HOUR)}
    for evidence in (
        {},
        {"signed": {}},
        {"signed": {"requested_at": "yesterday"}},
        {"signed": {"requested_at": 7}},
        {"signed": {"requested_at": "2026-11-22T12:00:00"}},
        {"signed": ahead},
    ):
        await record(NOON, approved(**evidence))

    assert await took(registry) == [0.0]


async def test_no_more_answers_are_read_than_tell_enough(registry, clock):
    asked = {"requested_at": wire_time(NOON)}

    def many(tx):
        for _ in range(ANSWERS + 1):
            tx.record(approved(signed=asked))

    await registry.commit(many)

    assert len(await took(registry)) == ANSWERS


def test_counting_reads_the_index_of_the_kind_and_no_event(sqlite_url):
    prepared = Prepared(counts._counts, sqlite.dialect(paramstyle="named"))
    values = counts._values(HERE, "AuthRequestApproved", HOURS)
    text, bound = prepared.bind({**values, "step": 1000})
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {text}", bound).fetchall()

    searched = [row[-1] for row in plan if "audit_event" in row[-1]]
    assert len(searched) == 1
    assert (
        "USING COVERING INDEX ix_audit_event_action (ura=? AND action=? AND time>? AND time<?)"
        in (searched[0])
    )


def test_postgresql_counts_by_the_same_index(postgresql_url):
    with psycopg.connect(postgresql_url) as connection:
        connection.execute("SET enable_seqscan = off")
        rows = connection.execute(
            "EXPLAIN SELECT (time - 0) / 1000 AS slot, count(*) FROM audit_event WHERE ura = 'u'"
            " AND action = 'a' AND time >= 0 AND time < 9 GROUP BY slot"
        ).fetchall()

    assert "ix_audit_event_action" in "\n".join(row[0] for row in rows)
