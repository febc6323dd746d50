"""Deleting what is older than is kept: nothing younger, nothing untold, and the rest verifies."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from pairing_server.audit import prune as flow
from pairing_server.audit.checkpoint import Checkpoints, verifier
from pairing_server.audit.export import export, verify_export
from pairing_server.audit.prune import YEAR, NotOldEnoughError, Pruned, prune
from pairing_server.audit.verify import verify
from pairing_server.audit.walk import Fault
from tests.audit.doubles import Signer, fill
from tests.databases import execute, fetch

THEN = datetime(2015, 6, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def signer():
    return Signer()


@pytest.fixture
def check(signer):
    return verifier([signer.jwk])


@pytest.fixture
async def log(open_at, own_url, clock, signer):
    """Of 2015: 4 events in each of two chains; of 2016 2 more; of today 3."""
    clock.moment = THEN
    registry, other = open_at(own_url, "main"), open_at(own_url, "other")
    checkpoints = Checkpoints(registry, signer, clock)
    await fill(registry, 4)
    await fill(other, 4)
    await checkpoints.make()
    clock.moment = THEN + timedelta(days=300)
    await fill(registry, 2)
    await checkpoints.make()
    clock.moment = NOW
    await fill(registry, 3)
    await checkpoints.make()
    return registry


def sequences(url):
    rows = fetch(url, "SELECT chain, sequence FROM audit_event ORDER BY chain, sequence")
    return [(chain, sequence) for chain, sequence in rows if sequence < 10]


async def test_what_is_older_goes_and_all_else_stays(log, own_url, check):
    pruned = await prune(log, check, "operator:o", NOW, 11 * YEAR)

    assert pruned == Pruned(THEN, {"main": 4, "other": 4})
    assert sequences(own_url) == [("main", each) for each in (5, 6, 7, 8, 9)]


async def test_the_deletion_is_an_event_with_counts_and_the_last_hash(log, own_url, check):
    ((last,),) = fetch(
        own_url, "SELECT hash FROM audit_event WHERE chain = 'main' AND sequence = 6"
    )

    await prune(log, check, "operator:o", NOW, 5 * YEAR)

    ((actor, evidence),) = fetch(
        own_url, "SELECT actor, evidence FROM audit_event WHERE action = 'AuditPruned'"
    )
    told = json.loads(evidence)
    assert actor == "operator:o"
    assert told["before"] == "2016-03-27T12:00:00Z"
    assert told["checkpoint"] == 2
    assert told["chains"]["main"] == {"sequence": 6, "hash": last, "events": 6}
    assert told["chains"]["other"]["events"] == 4


async def test_what_is_left_is_whole_here_and_in_an_export(log, check):
    await prune(log, check, "operator:o", NOW, 5 * YEAR)

    assert await verify(log, check) == []
    assert verify_export([line async for line in export(log)], check) == []


async def test_it_can_be_done_again_and_goes_on_from_there(log, own_url, clock, check):
    await prune(log, check, "operator:o", NOW, 11 * YEAR)
    await prune(log, check, "operator:o", NOW, 5 * YEAR)

    assert sequences(own_url) == [("main", each) for each in (7, 8, 9)]
    assert await verify(log, check) == []
    assert await prune(log, check, "operator:o", NOW, 5 * YEAR) == Pruned(None, {})


async def test_nothing_goes_that_no_checkpoint_of_that_age_names(log, own_url, check):
    pruned = await prune(log, check, "operator:o", NOW, 20 * YEAR)

    assert pruned == Pruned(None, {})
    assert len(sequences(own_url)) == 13


async def test_less_than_five_years_is_refused(log, own_url, check):
    with pytest.raises(NotOldEnoughError):
        await prune(log, check, "operator:o", NOW, timedelta(days=1829))

    assert len(sequences(own_url)) == 13


async def test_a_checkpoint_that_the_server_did_not_sign_deletes_nothing(log, own_url):
    pruned = await prune(log, verifier([Signer().jwk]), "operator:o", NOW, 5 * YEAR)

    assert pruned == Pruned(None, {})
    assert len(sequences(own_url)) == 13


async def test_it_is_told_before_anything_goes_and_gone_on_with_when_broken_off(
    log, own_url, check, monkeypatch
):
    monkeypatch.setattr(flow, "BATCH", 2)

    def stop_after_the_first(tx, chain, start):
        deleted.append(chain)
        if len(deleted) > 1:
            raise ConnectionError("broken off")
        return delete(tx, chain, start)

    deleted, delete = [], flow._delete_some
    monkeypatch.setattr(flow, "_delete_some", stop_after_the_first)
    with pytest.raises(ConnectionError):
        await prune(log, check, "operator:o", NOW, 5 * YEAR)

    assert fetch(own_url, "SELECT count(*) FROM audit_event WHERE action = 'AuditPruned'") == [
        (1,)
    ]
    assert len(sequences(own_url)) == 11
    assert await verify(log, check) == []

    monkeypatch.setattr(flow, "_delete_some", delete)
    await prune(log, check, "operator:o", NOW, 5 * YEAR)

    assert sequences(own_url) == [("main", each) for each in (7, 8, 9)]


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (
            ("UPDATE audit_start SET hash = 'ff' WHERE name = 'main'",),
            {(Fault.UNVOUCHED, "main", 7)},
        ),
        (
            (
                "DELETE FROM audit_event WHERE chain = 'main' AND sequence <= 7",
                (
                    "UPDATE audit_start SET sequence = 7, hash ="
                    " (SELECT previous FROM audit_event WHERE sequence = 8) WHERE name = 'main'"
                ),
            ),
            {(Fault.UNVOUCHED, "main", 8)},
        ),
        (
            (
                "DELETE FROM audit_event WHERE chain = 'main' AND sequence <= 9",
                (
                    "UPDATE audit_start SET sequence = 9, hash ="
                    " (SELECT previous FROM audit_event WHERE sequence = 10) WHERE name = 'main'"
                ),
            ),
            {(Fault.DELETION_UNTOLD, "main", 10)},
        ),
    ],
    ids=["another start", "deleted in between", "deleted up to a checkpoint"],
)
async def test_who_deletes_more_is_found_out(log, own_url, check, statements, expected):
    await prune(log, check, "operator:o", NOW, 5 * YEAR)
    unlock = (
        ("DROP TRIGGER audit_event_no_delete", "DROP TRIGGER audit_start_no_update")
        if own_url.startswith("sqlite")
        else ("SET session_replication_role = replica",)
    )

    execute(own_url, *unlock, *statements)

    found = {(each.fault, each.chain, each.sequence) for each in await verify(log, check)}
    assert expected <= found
