"""Header blocks are read by `hpack` as what was written, and leave nothing in its table."""

import hpack
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.push.header_block import HTTPS, NO_TABLE, POST, Blocks, literal

NAMES = st.one_of(
    st.sampled_from([b":path", b":authority", b"authorization", b"apns-id"]),
    st.binary(min_size=1, max_size=200),
)
HEADERS = st.lists(st.tuples(NAMES, st.binary(max_size=5000), st.booleans()), max_size=10)


@given(HEADERS)
def test_any_headers_are_read_as_they_were_written(headers):
    block = b"".join(literal(name, value, is_secret=secret) for name, value, secret in headers)
    decoder = hpack.Decoder(max_header_list_size=2**20)
    read = decoder.decode(NO_TABLE + block, raw=True)
    assert [tuple(header) for header in read] == [(name, value) for name, value, _ in headers]
    assert [not header.indexable for header in read] == [secret for *_, secret in headers]
    assert len(decoder.header_table.dynamic_entries) == 0


def test_a_number_on_the_edge_of_its_octet_is_read_as_well():
    for length in (126, 127, 128, 254, 255, 16_510, 16_511):
        ((_, value),) = hpack.Decoder().decode(literal(b"x", b"y" * length), raw=True)
        assert len(value) == length


def test_whole_headers_are_those_of_the_static_table():
    assert hpack.Decoder().decode(POST + HTTPS) == [(":method", "POST"), (":scheme", "https")]


def test_a_smaller_table_of_the_peer_is_never_exceeded():
    decoder = hpack.Decoder()
    decoder.decode(NO_TABLE + POST)
    decoder.max_allowed_table_size = 0
    assert decoder.decode(POST + literal(b"a", b"b")) == [(":method", "POST"), ("a", "b")]


def test_only_the_first_block_of_a_connection_says_that_there_is_no_table():
    blocks = Blocks()
    blocks.next = POST
    assert [blocks.encode(()), blocks.encode(())] == [NO_TABLE + POST, POST]
