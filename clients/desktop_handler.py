"""Which program opens `zorgid:` links: registration for one person on Linux.

As the Desktop Entry and MIME Applications Associations specifications of freedesktop.org say, so
that no program of the desktop is needed for it.
"""

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from clients.desktop_settings import NAME, config_home, data_home, write_whole
from clients.desktop_words import Trouble

ENTRY = f"{NAME}.desktop"
TYPE = "x-scheme-handler/zorgid"
_GROUP = "[Default Applications]"


def register(environment: Mapping[str, str], program: Path, options: Sequence[str] = ()) -> Path:
    """Open `zorgid:` links with this program from now on; returns the desktop entry.

    Args:
        options: What the program is started with each time, before the link.

    Raises:
        Trouble: `not_linux`, or `not_installed` when the program cannot be started as it is.
    """
    _expect_linux()
    absolute = Path(os.path.abspath(program))  # noqa: PTH100 - a link to the program may stay one.
    if not (absolute.is_file() and os.access(absolute, os.X_OK)):
        found = shutil.which(NAME)
        if found is None:
            raise Trouble("not_installed")
        absolute = Path(os.path.abspath(found))  # noqa: PTH100 - as above.
    windowed = importlib.util.find_spec("tkinter") is not None
    entry = data_home(environment) / "applications" / ENTRY
    write_whole(entry, desktop_entry(absolute, options, terminal=not windowed))
    entry.chmod(0o644)
    associations = config_home(environment) / "mimeapps.list"
    write_whole(associations, associate(_text(associations), ENTRY))
    return entry


def unregister(environment: Mapping[str, str]) -> None:
    """Undo `register`; what others registered stays.

    Raises:
        Trouble: `not_linux`.
    """
    _expect_linux()
    (data_home(environment) / "applications" / ENTRY).unlink(missing_ok=True)
    associations = config_home(environment) / "mimeapps.list"
    if associations.exists():
        write_whole(associations, dissociate(_text(associations), ENTRY))


def desktop_entry(program: Path, options: Sequence[str] = (), *, terminal: bool) -> str:
    """Write a desktop entry (Desktop Entry specification 1.5).

    The link comes after `--`: whatever it looks like, it is never an option.
    """
    command = " ".join(_quoted(argument) for argument in (str(program), *options))
    lines = (
        "[Desktop Entry]",
        "Type=Application",
        "Version=1.5",
        "Name=UZI card",
        "Name[nl]=UZI-pas",
        "Comment=Log in with your UZI card",
        "Comment[nl]=Inloggen met uw UZI-pas",
        f"Exec={command} -- %u",
        f"Terminal={'true' if terminal else 'false'}",
        "NoDisplay=true",
        "StartupNotify=false",
        f"MimeType={TYPE};",
    )
    return "".join(f"{line}\n" for line in lines)


def associate(text: str, entry: str) -> str:
    """Make an entry the first default for `TYPE` in the text of a `mimeapps.list`."""
    lines = text.splitlines()
    others = [other for other in _defaults(lines) if other != entry]
    line = f"{TYPE}={';'.join([entry, *others])};"
    kept = _without_default(lines)
    if _GROUP in kept:
        at = kept.index(_GROUP) + 1
        kept.insert(at, line)
    else:
        kept += [*([""] if kept else []), _GROUP, line]
    return "".join(f"{kept_line}\n" for kept_line in kept)


def dissociate(text: str, entry: str) -> str:
    """Take an entry out of the defaults for `TYPE` in the text of a `mimeapps.list`."""
    lines = text.splitlines()
    others = [other for other in _defaults(lines) if other != entry]
    kept = _without_default(lines)
    if others:
        kept.insert(kept.index(_GROUP) + 1, f"{TYPE}={';'.join(others)};")
    return "".join(f"{kept_line}\n" for kept_line in kept)


def _quoted(argument: str) -> str:
    r"""Quote an argument of Exec: in quotes \ " ` $ are escaped, then each \ as in any string.

    A percent sign would begin a field code, wherever it stands.
    """
    quoted = "".join(f"\\{char}" if char in '\\"`$' else char for char in argument)
    return '"' + quoted.replace("\\", "\\\\").replace("%", "%%") + '"'


def _defaults(lines: list[str]) -> list[str]:
    """Return the entries that stand for `TYPE` among the default applications."""
    values = [line.partition("=")[2] for _, line in _default_lines(lines)]
    return [entry for value in values for entry in value.strip().split(";") if entry]


def _without_default(lines: list[str]) -> list[str]:
    gone = {index for index, _ in _default_lines(lines)}
    return [line for index, line in enumerate(lines) if index not in gone]


def _default_lines(lines: list[str]) -> list[tuple[int, str]]:
    found, group = [], ""
    for index, line in enumerate(lines):
        if line.startswith("["):
            group = line.strip()
        elif group == _GROUP and line.partition("=")[0].strip() == TYPE:
            found.append((index, line))
    return found


def _text(file: Path) -> str:
    return file.read_text("utf-8") if file.exists() else ""


def _expect_linux() -> None:
    if sys.platform != "linux":
        raise Trouble("not_linux")
