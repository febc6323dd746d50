"""Lists as spreadsheets write them."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.csv_table import COLUMNS, MAX_BYTES, MAX_LINES, Row, TableError, read_table, write_table

HEADER = "first_names;last_name;uzi_number\r\n"
ANNE = {"first_names": "Anne", "last_name": "de Boer", "uzi_number": "900000001"}


def wrong(raw):
    with pytest.raises(TableError) as caught:
        read_table(raw if isinstance(raw, bytes) else raw.encode())
    assert caught.value.message.endswith(".")
    return caught.value.line


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [";", ","])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_a_list_is_read_as_spreadsheets_write_it(bom, delimiter, end):
    lines = ["first_names;last_name;uzi_number", "Anne;de Boer;900000001", ""]
    text = bom + end.join(lines).replace(";", delimiter)

    assert read_table(text.encode()) == [Row(2, ANNE)]


def test_a_quoted_cell_holds_delimiters_quotes_and_lines():
    raw = HEADER + '"An;ne";"de ""Boer""";1\r\n"Jan\r\nPiet";Vries;2\r\nEls;Vos;3'

    rows = read_table(raw.encode())

    assert [row.line for row in rows] == [2, 3, 5]
    assert rows[0].cells["first_names"] == "An;ne"
    assert rows[0].cells["last_name"] == 'de "Boer"'
    assert rows[1].cells["first_names"] == "Jan\r\nPiet"


def test_columns_are_named_in_both_languages_and_in_any_case():
    (row,) = read_table(b"Voornamen;ACHTERNAAM;UZI nummer;Laatste dag\nAnne;de Boer;9;")

    assert set(row.cells) == {"first_names", "last_name", "uzi_number", "valid_until"}


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ("", 1),
        ("\r\n\r\n", 1),
        ("name;bsn\nAnne;1", 1),
        ("first_names;voornamen\nAnne;Anne", 1),
        (b"\xff\xfe\x00", 1),
        ("first_names\nAnne\x00", 1),
        (HEADER + 'Anne;"open;1\r\nEls;Vos;2', 2),
        (HEADER + 'Anne;"a"b;1', 2),
        (HEADER + "Anne;" + "x" * 1001 + ";1", 2),
    ],
    ids=["empty", "blank", "unknown", "twice", "utf-16", "nul", "open", "stray", "long"],
)
def test_what_is_no_list_is_refused_with_its_line(raw, line):
    assert wrong(raw) == line


def test_a_list_has_5000_lines_at_most():
    assert len(read_table((HEADER + "Anne;Boer;1\r\n" * MAX_LINES).encode())) == MAX_LINES
    wrong(HEADER + "Anne;Boer;1\r\n" * (MAX_LINES + 1))
    wrong(b"x" * (MAX_BYTES + 1))


def test_blank_lines_count_and_are_left_out():
    assert [row.line for row in read_table((HEADER + ";;\r\n\r\nAnne;Boer;1").encode())] == [4]


def test_short_lines_lack_cells_and_long_ones_are_ragged():
    short, long, padded = read_table((HEADER + "Anne\r\nA;B;1;more\r\nA;B;1;;").encode())

    assert (short.cells, short.is_ragged) == ({"first_names": "Anne"}, False)
    assert (long.is_ragged, padded.is_ragged) == (True, False)


FORMULAS = ["=1+1", "+31", "-x", "@SUM(A1)", "\tx", '=HYPERLINK("http://x")']


@pytest.mark.parametrize("cell", FORMULAS)
def test_no_cell_of_an_export_is_a_formula(cell):
    raw = write_table(["first_names"], [[cell]])

    (written,) = list(csv.reader(io.StringIO(raw.decode("utf-8-sig")), delimiter=";"))[1]
    assert written == "'" + cell


@pytest.mark.parametrize("cell", ["=1+1", "+31", "-x", "@SUM(A1)", "'t Hooft", "O'Neill"])
def test_what_was_guarded_comes_back_as_it_was(cell):
    (row,) = read_table(write_table(["first_names"], [[cell]]))

    assert row.cells == {"first_names": cell}


@pytest.mark.parametrize("cell", ["Jan,=cmd|' /C calc'!A0,x", 'Jan,"+31', "'=1", "''-x"])
def test_no_cell_is_a_formula_where_lists_are_opened_by_the_comma(cell):
    raw = write_table(["first_names", "last_name"], [[cell, "Jansen"]])

    _, opened = csv.reader(io.StringIO(raw.decode("utf-8-sig")))
    assert [each for each in opened if each.strip('"').startswith(("=", "+", "-"))] == []
    (row,) = read_table(raw)
    assert row.cells == {"first_names": cell, "last_name": "Jansen"}


def test_an_export_opens_in_a_spreadsheet_here():
    raw = write_table(["first_names", "last_name"], [["Zo\u00eb", "de Boer"]])

    assert raw == "\ufefffirst_names;last_name\r\nZo\u00eb;de Boer\r\n".encode()


cells = st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=20
).map(str.strip)


@given(st.lists(st.lists(cells, min_size=3, max_size=3).filter(any), max_size=5))
def test_what_is_written_is_read_again(lines):
    columns = list(COLUMNS)[:3]

    rows = read_table(write_table(columns, lines))

    assert [list(row.cells.values()) for row in rows] == lines


@given(st.binary(max_size=200))
def test_whatever_is_sent_is_read_or_refused(raw):
    try:
        rows = read_table(b"first_names;last_name\n" + raw)
    except TableError as error:
        rows = error.message
    assert isinstance(rows, str | list)
