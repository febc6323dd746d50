"""Where a chain may begin: only where a signed checkpoint says so, and the log tells why."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from pairing_server.audit.chain import Head
from pairing_server.audit.starts import LEAST_KEPT, Start, StartWalk
from pairing_server.audit.walk import Fault
from tests.audit.doubles import facts

HEAD = Head(5, "05" * 32)
OLD = 1_000_000
NOW = OLD + LEAST_KEPT // timedelta(milliseconds=1)


def deletion(**chains):
    evidence = json.dumps({"chains": chains})
    return facts(9, action="AuditPruned", time=NOW, evidence=evidence)


TOLD = deletion(main={"sequence": 5, "hash": "05" * 32})


def faults(*told, head=HEAD, is_deletion=True, checkpoints=((OLD, {"main": HEAD}),), chain="main"):
    walk = StartWalk()
    walk.start(chain, Start(head, is_deletion))
    for made_at, heads in checkpoints:
        walk.checkpoint(made_at, heads)
    for event in told:
        walk.event(event)
    return [(finding.fault, finding.chain, finding.sequence) for finding in walk.end()]


def test_a_deletion_that_a_checkpoint_vouches_for_and_an_event_tells_of_is_in_order():
    assert faults(TOLD) == []


@pytest.mark.parametrize(
    "checkpoints",
    [
        (),
        ((OLD, {"other": HEAD}),),
        ((OLD, {"main": Head(4, "05" * 32)}),),
        ((OLD, {"main": Head(5, "06" * 32)}),),
    ],
)
@pytest.mark.parametrize("is_deletion", [True, False])
def test_a_chain_begins_nowhere_but_behind_an_event_that_a_checkpoint_names(
    checkpoints, is_deletion
):
    found = faults(TOLD, checkpoints=checkpoints, is_deletion=is_deletion)

    assert found == [(Fault.UNVOUCHED, "main", 6)]


@pytest.mark.parametrize(
    "told",
    [
        (),
        (replace(TOLD, action="AuditExported"),),
        (deletion(other={"sequence": 5, "hash": "05" * 32}),),
        (deletion(main={"sequence": 4, "hash": "05" * 32}),),
        (deletion(main={"sequence": 5, "hash": "06" * 32}),),
        (deletion(main={}),),
        (replace(TOLD, evidence="[]"),),
        (replace(TOLD, evidence="x"),),
    ],
)
def test_a_deletion_of_which_no_event_tells_is_found(told):
    assert faults(*told) == [(Fault.DELETION_UNTOLD, "main", 6)]


def test_what_is_merely_elsewhere_needs_no_event():
    assert faults(is_deletion=False) == []


def test_nothing_that_was_younger_than_five_years_may_be_deleted():
    soon = replace(TOLD, time=NOW - 1)

    assert faults(soon) == [(Fault.DELETED_EARLY, "main", 6)]


def test_the_oldest_checkpoint_that_names_an_event_proves_its_age():
    checkpoints = ((OLD, {"main": HEAD}), (NOW, {"main": HEAD}))

    assert faults(TOLD, checkpoints=checkpoints) == []


def test_only_what_went_before_the_start_is_before_it():
    walk = StartWalk()
    walk.start("main", Start(HEAD, is_deletion=True))

    assert [walk.is_before("main", sequence) for sequence in (4, 5, 6)] == [True, True, False]
    assert not walk.is_before("other", 1)
