"""Server-sent events, as far as this wire uses them (HTML Standard section 9.2)."""

from collections.abc import AsyncIterable, AsyncIterator


async def events(lines: AsyncIterable[bytes]) -> AsyncIterator[tuple[str, bytes]]:
    """Yield the name and the data of each event; what is not closed by an empty line is none."""
    name, data = "message", b""
    async for line in lines:
        field, _, value = line.rstrip(b"\r\n").partition(b":")
        if field == b"event":
            name = value.strip().decode()
        elif field == b"data":
            data += value.removeprefix(b" ")
        elif not line.strip():
            if data:
                yield name, data
            name, data = "message", b""
