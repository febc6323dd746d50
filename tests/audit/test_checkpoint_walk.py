"""The chain of checkpoints: none is taken out, moved or put in another's place unseen."""

from dataclasses import replace

import pytest

from pairing_server.audit.chain import Head
from pairing_server.audit.checkpoint import Signed, signature_digest, verifier
from pairing_server.audit.checkpoint_walk import CheckpointWalk
from pairing_server.audit.walk import Fault
from tests.audit.doubles import Signer, make_checkpoint, make_checkpoints

HEADS = {"main": Head(3, "ab" * 32)}


@pytest.fixture(scope="module")
def signer():
    return Signer()


@pytest.fixture
def check(signer):
    return verifier([signer.jwk])


@pytest.fixture(scope="module")
def log(signer):
    return make_checkpoints(signer, 5, HEADS)


def findings(check, checkpoints, kept=None):
    walk = CheckpointWalk(check, kept)
    for checkpoint in checkpoints:
        walk.add(checkpoint)
    return [(finding.fault, finding.chain, finding.sequence) for finding in walk.end()]


def test_an_untouched_log_has_nothing_wrong(check, log):
    assert findings(check, log) == []
    assert findings(check, []) == []


def test_a_checkpoint_gives_the_heads_that_it_vouches_for(check, log):
    walk = CheckpointWalk(check)

    assert walk.add(log[0]) == HEADS
    assert walk.add(replace(log[1], made_at=0)) == {}


@pytest.mark.parametrize(
    ("left", "missing"), [([1, 2, 3, 4], 1), ([0, 1, 3, 4], 3), ([0, 3, 4], 2), ([4], 1)]
)
def test_a_checkpoint_that_is_gone_is_named(check, log, left, missing):
    gone = findings(check, [log[place] for place in left])

    assert gone == [(Fault.CHECKPOINT_MISSING, None, missing)]


def test_checkpoints_that_close_a_gap_are_found(check, log):
    closed = [log[0], *(replace(later, number=later.number - 1) for later in log[2:])]

    assert findings(check, closed) == [(Fault.CHECKPOINT_REORDERED, None, 2)]


def test_lines_that_changed_places_are_found(check, log):
    swapped = [log[0], log[2], log[1], *log[3:]]

    assert findings(check, swapped) == [(Fault.CHECKPOINT_REORDERED, None, 2)]


def test_a_checkpoint_that_stands_there_twice_is_found(check, log):
    assert findings(check, [*log, log[1]]) == [(Fault.CHECKPOINT_REORDERED, None, 2)]


def test_a_checkpoint_that_is_genuine_but_another_is_found(check, log, signer):
    digest = signature_digest(log[0].signature)
    other = make_checkpoint(signer, Signed(2, digest, {}), made_at=6)

    assert findings(check, [log[0], other, *log[2:]]) == [(Fault.CHECKPOINT_REPLACED, None, 2)]


@pytest.mark.parametrize("changed", [{"made_at": 6}, {"heads": "{}"}, {"signature": ""}])
def test_a_changed_checkpoint_is_found(check, log, changed):
    log = [log[0], replace(log[1], **changed), *log[2:]]

    assert findings(check, log) == [(Fault.CHECKPOINT_FORGED, None, 2)]


def test_the_newest_that_are_gone_are_missed_by_whoever_kept_one(check, log):
    assert findings(check, log[:3]) == []
    assert findings(check, log[:3], kept=log[3]) == [(Fault.CHECKPOINT_MISSING, None, 4)]
    assert findings(check, [], kept=log[3]) == [(Fault.CHECKPOINT_MISSING, None, 4)]


def test_a_log_that_has_what_was_kept_is_whole(check, log):
    assert findings(check, log, kept=log[3]) == []


def test_a_log_that_began_anew_is_not_the_one_that_was_kept(check, log, signer):
    anew = make_checkpoints(signer, 5)

    assert findings(check, anew, kept=log[4]) == [(Fault.CHECKPOINT_REPLACED, None, 5)]


@pytest.mark.parametrize("changed", [{"number": 2}, {"heads": "{}"}, {"signature": ""}])
def test_what_was_kept_does_not_vouch_for_itself(check, log, changed):
    kept = replace(log[2], **changed)

    assert findings(check, log, kept) == [(Fault.CHECKPOINT_FORGED, None, kept.number)]


def test_what_was_kept_names_its_heads(check, log):
    assert CheckpointWalk(check, log[3]).kept_heads == HEADS
    assert CheckpointWalk(check, replace(log[3], signature="")).kept_heads == {}
    assert CheckpointWalk(check).kept_heads == {}


def test_the_first_checkpoint_that_a_chain_contradicts_is_named(check):
    walk = CheckpointWalk(check)
    for number, found in ((1, None), (2, "ab" * 32)):
        walk.broken(number, "main", 3, found)

    (finding,) = walk.end()
    assert (finding.fault, finding.sequence) == (Fault.CHECKPOINT_BROKEN, 3)
    assert finding.detail == "checkpoint 1 saw the head at 3, and no event is there now"
