"""Reading large revocation lists without stalling the loop.

The parser holds the interpreter's lock, 500,000 entries take it for a second, and no thread helps
against that.  So a large list is read in a child process, at low priority and with bounded
memory, which hands back what is kept of it.
"""

import asyncio
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import BinaryIO

import msgspec

from pairing_server.uzi.revocation import RevocationList, UnusableList, read_revocation_list

#: Read in a thread up to this size: some 5,000 entries, 10 ms.
MAX_INLINE_BYTES = 128 * 1024
#: A list of 500,000 entries with a reason each has some 20 MB.
MAX_LIST_BYTES = 48 * 1024 * 1024
#: A child that takes longer reads no list.
PATIENCE = timedelta(seconds=60)
#: Address space of a child; a list of 500,000 entries takes 160 MB.
_CHILD_MEMORY = 2 * 1024**3
_READ, _UNUSABLE = b"+", b"-"
_NICENESS = 10


class ListReader:
    """Reads lists off the loop, one large one at a time."""

    def __init__(self, max_inline: int = MAX_INLINE_BYTES, patience: timedelta = PATIENCE) -> None:
        self._max_inline = max_inline
        self._patience = patience
        self._one = asyncio.Semaphore()

    async def read(self, data: bytes) -> RevocationList:
        """Read a DER or PEM list, as `read_revocation_list`.

        Raises:
            UnusableList: It is no list that the rules can read, or takes too much to be read.
        """
        if len(data) > MAX_LIST_BYTES:
            raise UnusableList("too large")
        if len(data) <= self._max_inline:
            return await asyncio.to_thread(read_revocation_list, data)
        async with self._one:
            said = await self._ask_child(data)
        if said[:1] != _READ:
            raise UnusableList(said[1:].decode("ascii", "replace") or "the reader broke off")
        try:
            return msgspec.msgpack.decode(said[1:], type=RevocationList)
        except msgspec.DecodeError as error:
            raise UnusableList("the reader broke off") from error

    async def _ask_child(self, data: bytes) -> bytes:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-s", "-m", __name__),
            # The same code as here, and nothing else of this process's environment.
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                said, _ = await child.communicate(data)
        except TimeoutError:
            raise UnusableList("too slow to be read") from None
        finally:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
        return said


def answer(given: BinaryIO, told: Callable[[bytes], object]) -> None:
    """Read a list and tell what is kept of it; the child's whole work."""
    try:
        told(_READ + msgspec.msgpack.encode(read_revocation_list(given.read())))
    except UnusableList as error:
        told(_UNUSABLE + " ".join(map(str, error.args)).encode("ascii", "replace"))


def main() -> None:
    """Be the child."""
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (_CHILD_MEMORY, _CHILD_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer(sys.stdin.buffer, sys.stdout.buffer.write)


if __name__ == "__main__":
    main()
