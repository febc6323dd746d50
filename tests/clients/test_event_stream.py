"""Server-sent events are read as the standard says, as far as this wire uses them."""

import pytest

from clients.event_stream import events


async def lines(text):
    for line in text.splitlines(keepends=True):
        yield line


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (b"event: frame\ndata: {}\n\n", [("frame", b"{}")]),
        (b"event:frame\r\ndata:{}\r\n\r\n", [("frame", b"{}")]),
        (b"data: 1\n\ndata: 2\n\n", [("message", b"1"), ("message", b"2")]),
        (b"event: a\ndata: 1\n\ndata: 2\n\n", [("a", b"1"), ("message", b"2")]),
        (b": a comment\nid: 7\nretry: 100\ndata: 1\n\n", [("message", b"1")]),
        (b"event: a\n\ndata: 1\n\n", [("message", b"1")]),
        # Broken off before the empty line: whoever reads half an event acts on half of it.
        (b"event: frame\ndata: {}\n", []),
        (b"", []),
    ],
)
async def test_an_event_is_read_once_it_is_whole(sent, read):
    assert [event async for event in events(lines(sent))] == read
