"""A form that is shown again says what was typed, and nothing that may not be kept."""

import pytest

from admin.form import Form, wrong
from admin.people_refusals import NotLinked
from admin.person_fields import FieldError

BSN = "999993653"
ERROR = FieldError("last_name", "This is wrong.")


@pytest.mark.parametrize("written", [BSN, "999 993 653", "9999.93.653", f"de Boer {BSN}"])
@pytest.mark.parametrize("error", [ERROR, NotLinked()])
def test_a_bsn_is_shown_in_no_field_whichever_one_is_wrong(written, error):
    form = wrong("register", {"first_names": written, "last_name": "de Boer"}, error)

    assert form.get("first_names") == ""
    assert form.get("last_name") == "de Boer"


def test_a_uzi_number_stays_also_where_it_could_be_one():
    assert wrong("offer", {"uzi_number": BSN}, ERROR).get("uzi_number") == BSN


def test_a_date_of_birth_is_typed_anew():
    assert wrong("register", {"date_of_birth": "31-1-1980"}, ERROR).get("date_of_birth") == ""


def test_it_says_what_is_wrong_and_where():
    form = wrong("register", {}, ERROR)

    assert (form.name, form.field, form.error) == ("register", "last_name", "This is wrong.")
    assert wrong("register", {}, NotLinked()).field == Form().field == ""


def test_no_more_is_shown_again_than_anybody_typed():
    assert len(wrong("register", {"last_name": "x" * 10_000}, ERROR).get("last_name")) == 200
