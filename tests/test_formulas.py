"""No cell is a formula, by whatever separator its list is opened."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.formulas import SIGNS, guard_inside, unguard_inside

odd = st.text(st.sampled_from("=+-@;,'\"\t\n a"), max_size=12)


@given(odd | st.text())
def test_what_is_guarded_reads_back_as_it_was(cell):
    assert unguard_inside(guard_inside(cell)) == cell


@given(odd)
def test_no_part_of_a_cell_begins_a_formula(cell):
    _, *parts = guard_inside(f"x{cell}").replace(",", ";").split(";")

    assert [part for part in parts if part.strip(' "\t\n').startswith(SIGNS)] == []


@pytest.mark.parametrize(("made_by", "opened_by"), [(",", ";"), (";", ",")])
def test_a_list_is_safe_by_the_other_separator_too(made_by, opened_by):
    written = io.StringIO()
    formula = f"x{opened_by}=cmd|' /C calc'!A0{opened_by}y"
    csv.writer(written, delimiter=made_by).writerow(["first", guard_inside(formula)])

    (cells,) = csv.reader(io.StringIO(written.getvalue()), delimiter=opened_by)

    assert [cell for cell in cells if cell.startswith(SIGNS)] == []


def test_what_is_no_formula_stays_as_it_is():
    for cell in ("Jan, MD", "a;b", "-", "x-y, z", "", "'t Hart"):
        assert guard_inside(cell) == cell
