"""An actor is a person or a machine, and is named as the audit log names them."""

from datetime import UTC, datetime
from itertools import product

import pytest

from admin.actor import OF_PEOPLE, Actor, Role

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def actor(role, person_id, client_id):
    return Actor(
        role=role, ura="90000001", person_id=person_id, client_id=client_id, authenticated_at=NOW
    )


def test_people_and_machines_are_named_as_in_the_log():
    assert actor(Role.OPERATOR, "p1", None).name == "person:p1"
    assert actor(Role.MACHINE, None, "c1").name == "client:c1"


@pytest.mark.parametrize(
    ("role", "person_id", "client_id"),
    [
        (role, person, client)
        for role, person, client in product(Role, ("p1", None), ("c1", None))
        if (role in OF_PEOPLE) != (person is not None) or (person is None) == (client is None)
    ],
)
def test_nobody_is_both_or_neither_or_has_the_others_role(role, person_id, client_id):
    with pytest.raises(ValueError, match="a person or a machine"):
        actor(role, person_id, client_id)


def test_a_machine_alone_is_nobody():
    assert set(Role) - OF_PEOPLE == {Role.MACHINE}
