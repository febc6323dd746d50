"""CSV: it reads back as it was written, and no cell is a formula."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.audit.chain import link, row_of
from pairing_server.audit.csv_form import COLUMNS, CSV_BEGINS, csv_head, csv_line, csv_lines
from tests.audit.doubles import facts

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def event(**changed):
    return {"type": "event", **row_of(link("00" * 32, facts(1, **changed)))}


def written(*lines):
    return csv_head() + "".join(csv_line(line, lambda _: "=words()") for line in lines)


def read(text):
    return list(csv_lines(io.StringIO(text, newline="")))


def cells(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


@given(actor=TEXT, about=TEXT, evidence=TEXT, ura=st.none() | st.just("90000380"))
def test_an_event_reads_back_as_it_was_written(actor, about, evidence, ura):
    line = event(actor=actor, object=about, evidence=evidence, ura=ura)

    assert read(written(line)) == [line]


def test_every_other_line_reads_back_too():
    lines = [
        {"type": "keys", "keys": [{"kid": "k", "kty": "EC"}]},
        {"type": "checkpoints", "number": 3, "hash": "ab"},
        {"type": "checkpoint", "number": 4, "made_at": 5, "heads": "{}", "signature": "a.b.c"},
        {"type": "start", "chain": "main", "sequence": 4, "hash": "ab", "deleted": False},
        {"type": "left-out", "chain": "main", "sequence": 5, "digests": ["-abc", "=d"]},
        {"type": "head", "chain": "main", "sequence": 6, "hash": "ab"},
    ]

    assert read(written(*lines)) == lines


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "'"])
@pytest.mark.parametrize("column", ["actor", "object", "evidence", "chain", "what"])
def test_no_cell_is_a_formula(sign, column):
    line = event(actor=f"{sign}A1", object=f"{sign}A1", evidence=f"{sign}A1", chain=f"{sign}A1")
    text = csv_head() + csv_line(line, lambda _: f"{sign}A1")

    (row,) = cells(text)

    assert row[column] == f"'{sign}A1"


def test_no_cell_is_a_formula_where_lists_are_opened_by_the_semicolon():
    name = "Pixel;=cmd|' /C calc'!A0;x"
    line = event(evidence=json.dumps({"device_name": name}), actor=f"operator:{name}")
    text = written(line)

    _, opened = csv.reader(io.StringIO(text), delimiter=";")

    assert len(opened) > 1
    assert [cell for cell in opened if cell.startswith("=")] == []
    assert read(text) == [line]


def test_people_read_when_it_was_and_what():
    (row,) = cells(csv_head() + csv_line(event(), lambda line: f"Words of {line['action']}"))

    assert row["at"] == "1970-01-01T00:00:01.001+00:00"
    assert row["what"] == "Words of AuthenticatorBlocked"


def test_the_file_is_told_by_its_beginning():
    assert csv_head().startswith(CSV_BEGINS)
    assert csv_head() == ",".join(COLUMNS) + "\r\n"


@pytest.mark.parametrize(
    "text", ["", "a,b\r\n", "type,\r\n", csv_head().lower().replace("at", "")]
)
def test_another_file_is_told(text):
    with pytest.raises(ValueError, match="columns"):
        read(text)


def test_a_row_that_is_broken_is_told():
    with pytest.raises(ValueError, match="a row is not one of an export"):
        read(csv_head() + 'event,"x"y,\r\n')


def test_a_number_that_is_none_is_told():
    with pytest.raises(ValueError, match="int"):
        read(written(event()).replace(",1,", ",x,"))
