"""An export as CSV, for spreadsheets, with all that its verification needs.

A cell that a spreadsheet would take for a formula gets an apostrophe in front, and one that begins
with an apostrophe another one, so that what was written is read back as it was.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from pairing_server.audit.export import Line
from pairing_server.clock import from_milliseconds
from pairing_server.formulas import GUARD, SIGNS, guard_inside, unguard_inside

#: What makes a formula of a cell, or was there before what protects from it.
_FORMULA = (*SIGNS, GUARD)

#: Those for people first; a line has what it has of them.
_TEXTS = ("action", "actor", "object", "ura", "outcome", "evidence", "id")
_CHAIN = ("chain", "sequence", "previous", "hash")
_VERIFYING = ("number", "made_at", "heads", "signature", "deleted", "digests", "keys", "time")
#: By which such a file is told from JSON Lines.
CSV_BEGINS = "type,"
COLUMNS = ("type", "at", "what", *_TEXTS, *_CHAIN, *_VERIFYING)
#: Members that are numbers, and those that are JSON.
_NUMBERS = frozenset({"sequence", "number", "made_at", "time"})
_JSON = frozenset({"deleted", "digests", "keys"})
#: Written for people, and not read back.
_FOR_PEOPLE = frozenset({"at", "what"})


def csv_head() -> str:
    """Return the names of the columns, as a row."""
    return _row(COLUMNS)


def csv_line(line: Line, words: Callable[[Line], str]) -> str:
    """Write a line as a row.

    Args:
        words: Says what happened.
    """
    told = dict(line)
    if line["type"] == "event":
        at = from_milliseconds(line["time"]).isoformat(timespec="milliseconds")
        told |= {"at": at, "what": words(line)}
    return _row([_cell(name, told.get(name)) for name in COLUMNS])


def csv_lines(file: TextIO) -> Iterator[Line]:
    """Read the lines back.

    Raises:
        ValueError: it is not such a file.
    """
    # A row with all digests of a line is longer than the default takes.
    csv.field_size_limit(10_000_000)
    rows = csv.DictReader(file, strict=True)
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise ValueError("the columns are not those of an export")
    try:
        for row in rows:
            yield {
                name: _value(name, _unguarded(cell))
                for name, cell in row.items()
                if cell and name not in _FOR_PEOPLE
            } | ({"ura": row["ura"] or None} if row["type"] == "event" else {})
    except csv.Error as error:
        raise ValueError("a row is not one of an export") from error


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    text = json.dumps(value) if name in _JSON else str(value)
    text = guard_inside(text)
    return f"{GUARD}{text}" if text.startswith(_FORMULA) else text


def _unguarded(cell: str) -> str:
    return unguard_inside(cell.removeprefix(GUARD))


def _value(name: str, text: str) -> Any:
    if name in _NUMBERS:
        return int(text)
    return json.loads(text) if name in _JSON else text


def _row(cells: Any) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow(cells)
    return written.getvalue()
