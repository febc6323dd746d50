"""The refusals of a card: one code per rule, words for a nurse."""

import re

import pytest

from pairing_server.uzi import refusals
from pairing_server.uzi.refusals import CardRefused

RULES = [
    kind
    for kind in vars(refusals).values()
    if isinstance(kind, type) and issubclass(kind, CardRefused) and hasattr(kind, "code")
]


def test_every_rule_has_its_own_code():
    codes = [rule.code for rule in RULES]

    assert sorted(set(codes)) == sorted(codes)


def test_the_tree_draws_every_rule_with_its_code():
    drawn = dict(re.findall(r"── (\w+) +([a-z]+_[a-z_]+) ", refusals.__doc__))

    assert drawn == {rule.__name__: rule.code for rule in RULES}


@pytest.mark.parametrize("rule", RULES)
def test_a_refusal_says_what_to_do_next(rule):
    assert rule.status == 422
    assert re.search(
        r"\b([Uu]se|[Tt]ry again|[Aa]sk|[Rr]eport|[Oo]rder|start again)\b", rule.description
    )


def test_the_private_detail_is_not_in_the_words():
    refusal = refusals.WrongPolicy("secret")

    assert "secret" not in refusal.description
    assert refusal.args == ("secret",)
