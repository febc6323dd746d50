"""GOAWAY frames are found wherever they are cut, and everything else passes untouched."""

from itertools import pairwise

import pytest
from hyperframe.frame import DataFrame, GoAwayFrame, PingFrame, SettingsFrame
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.push.goaway import MOST_OF_FRAME, GoAway, Strainer

OTHERS = st.one_of(
    st.binary(max_size=300).map(lambda data: DataFrame(1, data)),
    st.binary(min_size=8, max_size=8).map(lambda data: PingFrame(0, data)),
    st.just(SettingsFrame(0)),
).map(lambda frame: frame.serialize())
GOAWAYS = st.builds(
    lambda last, code, debug: GoAwayFrame(
        0, last_stream_id=last, error_code=code, additional_data=debug
    ).serialize(),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=2000),
)


def strained(strainer, pieces):
    kept, found = b"", []
    for piece in pieces:
        passed, goaways = strainer.strain(piece)
        kept += passed
        found += goaways
    return kept, found


def cut(data, places):
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(
    st.lists(st.tuples(st.booleans(), OTHERS, GOAWAYS), max_size=8),
    st.lists(st.integers(0), max_size=20),
)
def test_only_goaway_frames_are_taken_out_however_they_are_cut(frames, places):
    sent = b"".join(goaway if is_goaway else other for is_goaway, other, goaway in frames)
    kept, found = strained(Strainer(), cut(sent, places))
    assert kept == b"".join(other for is_goaway, other, _ in frames if not is_goaway)
    assert len(found) == sum(is_goaway for is_goaway, *_ in frames)


def read(**fields):
    kept, found = Strainer().strain(GoAwayFrame(0, **fields).serialize())
    assert kept == b""
    return found


def test_a_goaway_says_up_to_where_and_why():
    debug = b'{"reason":"IdleTimeout"}'
    found = read(last_stream_id=7, error_code=2, additional_data=debug)
    assert found == [GoAway(7, 2, "IdleTimeout")]


def test_debug_data_that_is_not_apples_is_no_reason():
    for debug in (b"", b"\xff", b"[]", b'{"reason": 1}', b"[" * 900, b"bye"):
        assert read(last_stream_id=7, additional_data=debug) == [GoAway(7, 0, "")]


def test_of_long_debug_data_little_is_kept():
    strainer = Strainer()
    head = MOST_OF_FRAME.to_bytes(3) + b"\x07\x00\x00\x00\x00\x00"
    strainer.strain(head)
    for _ in range(10):
        assert strainer.strain(b"x" * 1000) == (b"", [])
    assert len(strainer._goaway) <= 1024


def test_a_frame_that_is_longer_than_we_take_is_not_waited_for():
    head = (MOST_OF_FRAME + 1).to_bytes(3) + b"\x00\x00\x00\x00\x00\x01"
    with pytest.raises(ValueError, match="too long"):
        Strainer().strain(head)


def test_a_goaway_without_its_numbers_takes_nothing_more():
    head = (0).to_bytes(3) + b"\x07\x00\x00\x00\x00\x00"
    assert Strainer().strain(head) == (b"", [GoAway(0, 0, "")])
