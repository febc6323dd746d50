"""What the desktop agent is told by its configuration, and the server that it remembers.

`config.toml` (the XDG Base Directory specification says where) belongs to whoever installs the
agent and is only read: `servers`, `module`, `language`.  What the person confirmed stands in the
file `servers` beside their own, an origin on each line.
"""

import os
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clients.desktop_words import LANGUAGES, Trouble
from clients.wire import origin_of

NAME = "zorgid-desktop"


@dataclass(frozen=True, slots=True)
class DesktopSettings:
    """What is configured.

    Attributes:
        servers: Origins that may be connected to; while there is none, the person is asked.
        module: The PKCS#11 library, or none to look where they install themselves.
        language: `nl` or `en`, or empty to follow the desktop.
    """

    servers: frozenset[str] = frozenset()
    module: Path | None = None
    language: str = ""


def load(environment: Mapping[str, str]) -> DesktopSettings:
    """Read every `config.toml`, the person's own first, and the remembered servers.

    The servers of all files are allowed; of the rest the first file that says it counts.

    Raises:
        Trouble: `bad_settings`, naming the file: an agent that ignored a list would ask.
    """
    servers: set[str] = set()
    module: Path | None = None
    language = ""
    for file in _config_files(environment):
        read = _read(file)
        servers |= read.servers
        module = module or read.module
        language = language or read.language
    servers |= _remembered(_memory(environment))
    return DesktopSettings(frozenset(servers), module, language)


def remember(server: str, environment: Mapping[str, str]) -> None:
    """Keep a server that the person confirmed, in one step and for its owner alone."""
    file = _memory(environment)
    kept = "".join(f"{line}\n" for line in sorted({*_remembered(file), server}))
    write_whole(file, kept)


def write_whole(file: Path, text: str) -> None:
    """Replace a file by its new content at once; one that a link stands for stays a link."""
    target = file.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as written:
            written.write(text)
        Path(temporary).chmod(mode)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def config_home(environment: Mapping[str, str]) -> Path:
    """Return where the person's configuration stands."""
    return _absolute(environment.get("XDG_CONFIG_HOME", "")) or _home(environment) / ".config"


def data_home(environment: Mapping[str, str]) -> Path:
    """Return where the person's applications stand."""
    named = _absolute(environment.get("XDG_DATA_HOME", ""))
    return named or _home(environment) / ".local" / "share"


def _home(environment: Mapping[str, str]) -> Path:
    return _absolute(environment.get("HOME", "")) or Path.home()


def _absolute(named: str) -> Path | None:
    # The specification says that a relative path is to be ignored.
    return Path(named) if named and Path(named).is_absolute() else None


def _config_files(environment: Mapping[str, str]) -> Iterator[Path]:
    system = environment.get("XDG_CONFIG_DIRS", "") or "/etc/xdg"
    named = [_absolute(entry) for entry in system.split(os.pathsep)]
    for directory in [config_home(environment), *filter(None, named)]:
        file = directory / NAME / "config.toml"
        if file.is_file():
            yield file


def _read(file: Path) -> DesktopSettings:
    try:
        said = tomllib.loads(file.read_text("utf-8"))
        servers = _origins(said.pop("servers", []))
        module, language = said.pop("module", ""), said.pop("language", "")
        known = isinstance(module, str) and language in ("", *LANGUAGES)
    except (OSError, ValueError, TypeError) as error:
        raise Trouble("bad_settings", file=str(file)) from error
    if said or not known:
        raise Trouble("bad_settings", file=str(file))
    return DesktopSettings(servers, Path(module) if module else None, language)


def _origins(servers: Iterable[str]) -> frozenset[str]:
    """Take origins in their canonical form alone.

    Raises:
        TypeError: not a list of strings.
        ValueError: not an origin.
    """
    if not isinstance(servers, list) or not all(isinstance(server, str) for server in servers):
        raise TypeError("not a list of strings")
    if any(origin_of(server) != server for server in servers):
        raise ValueError("not an origin")
    return frozenset(servers)


def _memory(environment: Mapping[str, str]) -> Path:
    return config_home(environment) / NAME / "servers"


def _remembered(file: Path) -> frozenset[str]:
    try:
        return _origins(file.read_text("utf-8").split())
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError) as error:
        raise Trouble("bad_settings", file=str(file)) from error
