"""Rules of lists as spreadsheets write them: RFC 4180, with a comma or a semicolon."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pairing_server.formulas import GUARD, SIGNS, guard_inside, unguard_inside
from pairing_server.languages import N_

#: As many lines in one go; a longer list is sent in parts.
MAX_LINES = 5_000
MAX_BYTES = 2 * 1024 * 1024

_BOM = "\ufeff"
#: A stray quotation mark would take the rest of the file for one cell.
_MAX_CELL = 1_000

#: Each column, and what it is called besides.
COLUMNS: Mapping[str, frozenset[str]] = {
    "action": frozenset({"actie"}),
    "user_name": frozenset({"gebruikersnaam"}),
    "uzi_number": frozenset({"uzi_nummer", "uzi-nummer", "uzinummer"}),
    "first_names": frozenset({"voornamen", "voornaam"}),
    "last_name": frozenset({"achternaam"}),
    "date_of_birth": frozenset({"geboortedatum"}),
    "role_codes": frozenset({"rolcodes", "rolcode", "role_code"}),
    "kind": frozenset({"soort"}),
    "valid_until": frozenset({"laatste_dag", "last_day", "einddatum"}),
    "administrative_role": frozenset({"beheerrol"}),
}
_NAMES = {name: column for column, also in COLUMNS.items() for name in (column, *also)}


class TableError(ValueError):
    """The list cannot be read at all.

    Attributes:
        message: What to do, in English.
        line: Where, if it is known.
    """

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Row:
    """One line: which it is in the file, and its cells by column; absent ones are not among them.

    Attributes:
        is_ragged: Whether it has more cells than there are columns.
    """

    line: int
    cells: Mapping[str, str]
    is_ragged: bool = False


def read_table(raw: bytes) -> list[Row]:
    """Read a list.

    Raises:
        TableError: it is too large, not UTF-8, or its first line does not name columns.
    """
    if len(raw) > MAX_BYTES:
        raise TableError(N_("This file is larger than 2 MB: send it in parts."))
    try:
        text = raw.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        raise TableError(N_('Save the list as "CSV UTF-8" and choose it again.')) from error
    if "\x00" in text:
        raise TableError(N_("This is no list: save it as CSV and choose it again."))
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    rows, columns, begins = [], None, 1
    try:
        for cells in lines:
            if any(cell.strip() for cell in cells):
                if columns is None:
                    columns = _columns(cells)
                else:
                    rows.append(_row(begins, cells, columns))
            begins = lines.line_num + 1
    except csv.Error as error:
        raise TableError(
            N_("A quotation mark is open or stands in the middle of a cell: check this line."),
            begins,
        ) from error
    if columns is None:
        raise TableError(N_("This list is empty: its first line names the columns."))
    if len(rows) > MAX_LINES:
        raise TableError(N_("This list has more than 5,000 lines: send it in parts."))
    return rows


def write_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Write a list that spreadsheets open as it is, and take no cell of for a formula.

    Args:
        columns: What the first line says; none where the list goes on.
    """
    made = io.StringIO(newline="")
    writer = csv.writer(made, delimiter=";", lineterminator="\r\n")
    if columns:
        made.write(_BOM)
        writer.writerow(columns)
    writer.writerows([_guarded(cell) for cell in row] for row in rows)
    return made.getvalue().encode()


def _guarded(cell: str) -> str:
    inside = guard_inside(cell)
    # What looks guarded already is not to be unguarded when it comes back; `'t Hart` does not.
    return f"{GUARD}{inside}" if cell.lstrip(GUARD).startswith(SIGNS) else inside


def _unguarded(cell: str) -> str:
    is_guarded = cell.startswith(GUARD) and cell.lstrip(GUARD).startswith(SIGNS)
    return unguard_inside(cell[1:] if is_guarded else cell)


def _delimiter(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return ";" if first.count(";") >= first.count(",") else ","


def _columns(cells: Sequence[str]) -> list[str]:
    names = [cell.strip().casefold().replace(" ", "_") for cell in cells]
    while names and not names[-1]:
        names.pop()
    columns = [_NAMES.get(name, "") for name in names]
    if not all(columns):
        raise TableError(
            N_("A column has a name that is not known here: take the names of the example.")
        )
    if len(set(columns)) < len(columns):
        raise TableError(N_("A column stands here twice: remove one."))
    return columns


def _row(line: int, cells: Sequence[str], columns: Sequence[str]) -> Row:
    more = any(cell.strip() for cell in cells[len(columns) :])
    if any(len(cell) > _MAX_CELL for cell in cells):
        raise TableError(
            N_("A quotation mark is open or stands in the middle of a cell: check this line."),
            line,
        )
    named = zip(columns, cells, strict=False)
    return Row(line, {name: _unguarded(cell.strip()) for name, cell in named}, more)
