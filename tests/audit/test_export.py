"""The export: whole, and verified away from the server."""

import io
import json
from dataclasses import asdict
from datetime import timedelta

import pytest

from pairing_server.audit.chain import Head
from pairing_server.audit.checkpoint import (
    Checkpoints,
    Signed,
    checkpoint_of,
    signature_digest,
    verifier,
)
from pairing_server.audit.csv_form import csv_head, csv_line, csv_lines
from pairing_server.audit.events import AuthenticatorBlocked
from pairing_server.audit.export import (
    export,
    export_lines,
    json_line,
    read_last_checkpoint,
    verify_export,
    verify_lines,
)
from pairing_server.audit.part import Part
from pairing_server.audit.search import Search
from pairing_server.audit.walk import Fault, Seen
from pairing_server.clock import to_milliseconds
from pairing_server.tokens import b64url
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


HERE = "90000380"


def of(ura, number):
    def change(tx):
        tx.record(AuthenticatorBlocked(actor="operator:o", object=f"credential:{number}", ura=ura))

    return change


@pytest.fixture
async def shared(open_at, database_url, clock, signer):
    """A chain of two organisations' events, of five days, with a checkpoint each day."""
    registry = open_at(database_url, "main")
    for number in range(1, 11):
        await registry.commit(of(HERE if number % 3 == 0 else "90000381", number))
        if number % 2 == 0:
            await Checkpoints(registry, signer, clock).make()
            clock.advance(timedelta(days=1))
    return registry


async def part(registry, signer, **search):
    wanted = Part(Search(ura=HERE, **search))
    return [line async for line in export_lines(registry, wanted, [signer.jwk])]


async def test_a_part_has_its_own_events_and_of_the_others_nothing_but_digests(shared, signer):
    lines = await part(shared, signer)

    events = [line for line in lines if line["type"] == "event"]
    assert [line["sequence"] for line in events] == [3, 6, 9]
    assert "90000381" not in "".join(map(json_line, lines))
    assert [line["sequence"] for line in lines if line["type"] == "left-out"] == [1, 4, 7, 10]


async def test_a_part_is_whole(shared, signer, check):
    lines, seen = await part(shared, signer), Seen()

    assert verify_lines(iter(lines), check, seen=seen) == []
    assert (seen.events, seen.left_out, seen.checkpoints) == (3, 7, 5)


async def test_a_part_in_csv_is_whole(shared, signer, check):
    lines = await part(shared, signer)
    text = csv_head() + "".join(csv_line(line, lambda _: "") for line in lines)

    assert verify_lines(csv_lines(io.StringIO(text, newline="")), check) == []


@pytest.mark.parametrize(
    ("kind", "member", "value"),
    [
        ("event", "actor", "x"),
        ("event", "ura", None),
        ("left-out", "digests", []),
        ("left-out", "digests", [b64url(b"0" * 32), b64url(b"0" * 32)]),
        ("left-out", "sequence", 2),
        ("left-out", "sequence", 0),
        ("head", "hash", "00" * 32),
    ],
)
async def test_what_was_done_to_a_part_is_found(shared, signer, check, kind, member, value):
    lines = await part(shared, signer)
    changed = next(line for line in lines if line["type"] == kind)
    changed[member] = value

    assert verify_lines(iter(lines), check) != []


async def test_an_event_cannot_be_passed_off_as_left_out(shared, signer, check):
    lines = await part(shared, signer)
    at = next(number for number, line in enumerate(lines) if line["type"] == "event")
    hidden = {"type": "left-out", "chain": "main", "sequence": 3, "digests": [b64url(b"1" * 32)]}

    found = verify_lines(iter([*lines[:at], hidden, *lines[at + 1 :]]), check)

    assert found[0].fault in {Fault.CHANGED, Fault.HEAD_MOVED}


async def test_a_part_of_a_period_begins_at_a_checkpoint_before_it_and_is_whole(
    shared, signer, check, clock
):
    since = clock() - timedelta(days=2, hours=12)
    lines, seen = await part(shared, signer, since=since), Seen()

    start = next(line for line in lines if line["type"] == "start")
    assert (start["sequence"], start["deleted"]) == (6, False)
    assert [line["number"] for line in lines if line["type"] == "checkpoint"] == [3, 4, 5]
    assert verify_lines(iter(lines), check, seen=seen) == []
    assert (seen.events, seen.left_out) == (1, 3)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"type": "start", "hash": "00" * 32}, Fault.UNVOUCHED),
        ({"type": "start", "sequence": 7}, Fault.UNVOUCHED),
        ({"type": "start", "deleted": True}, Fault.DELETION_UNTOLD),
        ({"type": "checkpoints", "number": 1}, Fault.CHECKPOINT_MISSING),
        ({"type": "checkpoints", "digest": "00"}, Fault.CHECKPOINT_REPLACED),
    ],
)
async def test_a_part_of_a_period_cannot_begin_elsewhere(
    shared, signer, check, clock, changed, fault
):
    lines = await part(shared, signer, since=clock() - timedelta(days=2, hours=12))
    next(line for line in lines if line["type"] == changed["type"]).update(changed)

    assert fault in {found.fault for found in verify_lines(iter(lines), check)}


async def test_an_older_export_is_compared_with_what_a_part_has_of_its_time(
    shared, signer, check, clock
):
    whole = [json_line(line) for line in await part(shared, signer)]
    lines = await part(shared, signer, since=clock() - timedelta(days=2, hours=12))
    last, first = read_last_checkpoint(whole), read_last_checkpoint(whole[:2])

    assert verify_lines(iter(lines), check, since=last) == []
    assert verify_lines(iter(lines), check, since=first) == []
    cut = [line for line in lines if line.get("number") != 5]
    assert verify_lines(iter(cut), check, since=last) != []


@pytest.mark.parametrize(
    "line",
    [
        {"type": "start", "chain": "main", "sequence": 1, "hash": "x", "deleted": False},
        {"type": "start", "chain": "new", "sequence": "1", "hash": "x", "deleted": False},
        {"type": "start", "chain": "new"},
        {"type": "left-out", "chain": "new", "sequence": 1, "digests": ["="]},
        {"type": "left-out", "chain": "new", "sequence": 1, "digests": [5]},
        {"type": "left-out", "chain": "new", "sequence": "1", "digests": ["AA"]},
        {"type": "keys", "keys": []},
        {"type": "checkpoints", "number": 0, "digest": ""},
    ],
)
async def test_what_does_not_belong_in_a_part_is_found(shared, signer, check, line):
    lines = await part(shared, signer)

    found = verify_lines(iter([*lines, line]), check)

    assert found[-1].fault is Fault.MALFORMED
