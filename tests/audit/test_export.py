"""The export: whole, and verified away from the server."""

import json

import pytest

from pairing_server.audit.checkpoint import Checkpoints, verifier
from pairing_server.audit.export import export, verify_export
from pairing_server.audit.walk import Fault
from tests.audit.doubles import Signer, fill


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
    checkpoint = json.loads(lines[1])
    heads = json.loads(checkpoint["heads"])
    heads["main"]["hash"] = "00" * 32
    claims = {"heads": heads, "made_at": checkpoint["made_at"]}
    signature = signer.sign_now(claims, "audit-checkpoint+jwt")
    forged = {**checkpoint, "number": 3, "heads": json.dumps(heads), "signature": signature}
    lines.insert(2, json.dumps(forged))

    assert findings(lines, check) == [(Fault.CHECKPOINT_BROKEN, "main", 4)]


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
