"""Which levels of assurance may be asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.oidc.acr import asked_levels, check_reachable
from pairing_server.oidc.refusals import UnmetRequirements
from pairing_server.settings import AssuranceLevel

LOW, SUBSTANTIAL, HIGH = AssuranceLevel
levels = st.lists(st.sampled_from(list(AssuranceLevel)))


def test_levels_are_known_by_their_uris_alone():
    assert asked_levels(f"{HIGH} urn:other {LOW}") == (HIGH, LOW)
    assert asked_levels("") == asked_levels("high LOW 3") == asked_levels(LOW + "/") == ()


@pytest.mark.parametrize(("asked", "most"), [((HIGH,), SUBSTANTIAL), ((SUBSTANTIAL, HIGH), LOW)])
def test_what_no_key_earns_is_refused(asked, most):
    with pytest.raises(UnmetRequirements):
        check_reachable(asked, most)


@given(levels, st.sampled_from(list(AssuranceLevel)))
def test_one_level_that_can_be_had_is_enough_and_so_is_none(asked, most):
    ranks = list(AssuranceLevel)
    try:
        check_reachable(tuple(asked), most)
    except UnmetRequirements:
        assert asked
        assert min(map(ranks.index, asked)) > ranks.index(most)
    else:
        assert not asked or min(map(ranks.index, asked)) <= ranks.index(most)
