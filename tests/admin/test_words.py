"""Every act and every role has a name that people read."""

from admin.access import Act
from admin.actor import Role
from admin.words import ACTS, ROLES

#: As much of it as a phone shows beside "To confirm: ".
MOST = 80


def test_every_act_has_a_name_of_its_own():
    assert set(ACTS) == set(Act)
    assert len(set(ACTS.values())) == len(Act)
    assert max(map(len, ACTS.values())) <= MOST


def test_every_role_has_a_name_of_its_own():
    assert set(ROLES) == set(Role)
    assert len(set(ROLES.values())) == len(Role)
