"""The lists in a directory, which somebody else keeps fresh."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import structlog

from pairing_server.uzi.revocation import RevocationList, UnusableList
from pairing_server.uzi.revocation_reading import ListReader

_log = structlog.get_logger("uzi.revocation")


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was found, and the last list that could be read of it."""

    version: tuple[int, ...]
    content: RevocationList | None


class ListDirectory:
    """The lists in the operator's directory; without one, there are none."""

    def __init__(self, directory: Path | None, reader: ListReader) -> None:
        self._directory = directory
        self._reader = reader
        self._lists: dict[Path, _File] = {}
        self._refreshing = asyncio.Lock()

    @property
    def lists(self) -> list[RevocationList]:
        """What was read at the last refresh."""
        return [file.content for file in self._lists.values() if file.content is not None]

    async def refresh(self) -> None:
        """Read what is new or changed."""
        if self._directory is None:
            return
        async with self._refreshing:
            try:
                found = await asyncio.to_thread(_versions, self._directory)
            except OSError as error:
                # What was read before grows stale by itself.
                _log.error("revocation_lists_unreadable", reason=type(error).__name__)
                return
            # One assignment, so that a check meanwhile sees all or nothing.
            self._lists = {
                path: await self._read(path, version) for path, version in found.items()
            }

    async def _read(self, path: Path, version: tuple[int, ...]) -> _File:
        """Read a file, or keep what was read of it: a file caught half-written loses nothing."""
        before = self._lists.get(path, _File((), None))
        if version == before.version:
            return before
        try:
            data = await asyncio.to_thread(path.read_bytes)
            return _File(version, await self._reader.read(data))
        except (OSError, UnusableList) as error:
            reason = error.strerror if isinstance(error, OSError) else error.args[0]
            _log.warning("revocation_list_unusable", file=path.name, reason=reason)
            return _File(version, before.content)


def _versions(directory: Path) -> dict[Path, tuple[int, ...]]:
    found: dict[Path, tuple[int, ...]] = {}
    for path in sorted(directory.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            stat = path.stat()
            found[path] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    return found
