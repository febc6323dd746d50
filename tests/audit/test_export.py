"""The export: whole, and verified away from the server."""

import json
from dataclasses import asdict

import pytest

from pairing_server.audit.chain import Head
from pairing_server.audit.checkpoint import (
    Checkpoints,
    Signed,
    checkpoint_of,
    signature_digest,
    verifier,
)
from pairing_server.audit.export import export, read_last_checkpoint, verify_export
from pairing_server.audit.walk import Fault, Seen
from pairing_server.clock import to_milliseconds
from tests.audit.doubles import Signer, fill, make_checkpoint


@pytest.fixture
def signer():
    return Signer()


@pytest.fixture
def check(signer):
    return verifier([signer.jwk])


@pytest.fixture
async def lines(open_at, sqlite_url, clock, signer):
    """A checkpoint of nothing, one of two chains, and the chains."""
    registry, other = open_at(sqlite_url, "main"), open_at(sqlite_url, "other")
    await Checkpoints(registry, signer, clock).make()
    await fill(registry, 4)
    await fill(other, 2)
    await Checkpoints(registry, signer, clock).make()
    return [line async for line in export(registry)]


def findings(lines, check):
    return [
        (finding.fault, finding.chain, finding.sequence) for finding in verify_export(lines, check)
    ]


def test_each_line_says_what_it_is(lines):
    read = [json.loads(line) for line in lines]

    assert [line["type"] for line in read] == (
        ["checkpoint"] * 2 + ["event"] * 4 + ["head"] + ["event"] * 2 + ["head"]
    )
    assert set(read[2]) == {
        *("type", "chain", "sequence", "id", "time", "action", "actor", "object", "ura"),
        *("outcome", "evidence", "previous", "hash"),
    }


def test_an_export_is_whole(lines, check):
    assert findings([line + "\n" for line in lines], check) == []


def test_an_export_of_nothing_is_whole(check):
    assert findings([], check) == []


def test_a_line_that_is_missing_is_found(lines, check):
    del lines[4]

    assert findings(lines, check) == [(Fault.MISSING, "main", 3)]


def test_lines_that_changed_places_are_found(lines, check):
    lines[3], lines[4] = lines[4], lines[3]

    assert findings(lines, check) == [(Fault.REORDERED, "main", 2)]


def test_an_export_that_was_cut_off_is_found(lines, check):
    assert findings(lines[:5], check) == [
        (Fault.UNKNOWN_CHAIN, "main", 3),
        (Fault.CHECKPOINT_BROKEN, "main", 4),
        (Fault.CHECKPOINT_BROKEN, "other", 2),
    ]


def test_a_chain_that_was_left_out_is_found(lines, check):
    assert findings(lines[:7], check) == [(Fault.CHECKPOINT_BROKEN, "other", 2)]


def test_a_checkpoint_of_another_key_is_found(lines):
    check = verifier([Signer().jwk])

    assert findings(lines, check) == [(Fault.CHECKPOINT_FORGED, None, 1)]


def test_two_checkpoints_that_contradict_each_other_are_found(lines, signer, check):
    last = read_last_checkpoint(lines)
    following = Signed(3, signature_digest(last.signature), {"main": Head(4, "00" * 32)})
    line = {"type": "checkpoint", **asdict(make_checkpoint(signer, following))}
    lines.insert(2, json.dumps(line))

    assert findings(lines, check) == [(Fault.CHECKPOINT_BROKEN, "main", 4)]


def test_a_checkpoint_that_was_left_out_is_found(lines, check):
    assert findings(lines[1:], check) == [(Fault.CHECKPOINT_MISSING, None, 1)]


def test_checkpoints_that_changed_places_are_found(lines, check):
    lines[0], lines[1] = lines[1], lines[0]

    assert findings(lines, check) == [(Fault.CHECKPOINT_REORDERED, None, 1)]


def test_what_was_read_is_counted(lines, check, clock):
    seen = Seen()

    verify_export(lines, check, seen=seen)

    time = to_milliseconds(clock())
    assert seen == Seen({"main", "other"}, events=6, checkpoints=2, first=time, last=time)


def test_an_older_export_shows_what_the_newer_one_no_longer_has(lines, check):
    older = read_last_checkpoint(lines)
    # The newest checkpoint is gone, and with it the chain that it alone named.
    newer = [lines[0], *lines[2:7]]

    found = verify_export(newer, check, since=older)

    assert verify_export(newer, check) == []
    assert [(finding.fault, finding.chain, finding.sequence) for finding in found] == [
        (Fault.CHECKPOINT_MISSING, None, 2),
        (Fault.CHECKPOINT_BROKEN, "other", 2),
    ]
    assert verify_export(lines, check, since=older) == []


def test_the_last_checkpoint_is_read_of_an_export_or_of_what_was_kept_of_it(lines):
    last = checkpoint_of(json.loads(lines[1]))

    assert read_last_checkpoint(lines) == last
    assert read_last_checkpoint(lines[1:2]) == last
    assert read_last_checkpoint(["\n", lines[1], "\n"]) == last


@pytest.mark.parametrize("kept", [[], [""], ["x"], ["[]"], ["{}"], ['{"type": "checkpoint"}']])
def test_what_holds_no_checkpoint_is_told(kept):
    with pytest.raises(ValueError, match=r"no checkpoint|not one of an export"):
        read_last_checkpoint(kept)


def test_events_alone_are_no_checkpoint(lines):
    with pytest.raises(ValueError, match="no checkpoint"):
        read_last_checkpoint(lines[2:])


@pytest.mark.parametrize(
    "line",
    [
        "",
        "not JSON",
        "[]",
        "1",
        "null",
        "{}",
        '{"type": "other"}',
        '{"type": "event"}',
        '{"type": "event", "chain": []}',
        '{"type": "event", "chain": "new"}',
        '{"type": "head", "chain": "new"}',
        '{"type": "head", "chain": "main", "sequence": 4, "hash": "x"}',
        '{"type": "event", "chain": "main"}',
        '{"type": "checkpoint", "number": 1, "made_at": 0, "heads": "{}", "signature": ""}',
        "[" * 100_000,
    ],
)
def test_a_line_that_does_not_belong_there_is_found(lines, check, line):
    assert findings([*lines, line], check)[-1] == (Fault.MALFORMED, None, len(lines) + 1)


@pytest.mark.parametrize("member", ["sequence", "hash"])
@pytest.mark.parametrize("value", [None, "x", [], {}])
def test_a_head_of_another_type_is_found(lines, check, member, value):
    lines[6] = json.dumps({**json.loads(lines[6]), member: value})

    assert findings(lines, check)[0][:2] == (Fault.HEAD_MOVED, "main")


@pytest.mark.parametrize("member", ["id", "sequence", "time", "previous", "hash", "evidence"])
@pytest.mark.parametrize("value", [None, [], {}, True, 2**70])
def test_an_event_of_other_types_is_found(lines, check, member, value):
    lines[3] = json.dumps({**json.loads(lines[3]), member: value})

    assert findings(lines, check) != []
