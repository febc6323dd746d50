"""What was typed into a form of the portal, to be shown again with what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from admin.identity_fields import holds_bsn
from admin.person_fields import FieldError
from pairing_server.errors import Refusal

#: As much of a field is shown again.
_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form as it is shown.

    Attributes:
        name: Which form of the page it is.
        field: Which field the error is about; none for the form itself.
        error: What is wrong and what to do, in English.
    """

    name: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    field: str = ""
    error: str = ""

    def get(self, name: str) -> str:
        """Return what was typed into a field."""
        return self.values.get(name, "")[:_SHOWN]


def wrong(name: str, typed: Mapping[str, str], error: FieldError | Refusal) -> Form:
    """Return a form with what is wrong with it; a date of birth is typed anew.

    What can be a BSN is shown again in no field, whichever one is wrong; a UZI number, which has
    as many digits, is.
    """
    values = {
        key: value
        for key, value in typed.items()
        if key != "date_of_birth" and (key == "uzi_number" or not holds_bsn(value))
    }
    if isinstance(error, FieldError):
        return Form(name=name, values=values, field=error.field, error=error.message)
    return Form(name=name, values=values, error=error.description)
