"""What a call names beside its body, by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.api.call_refusals import Changed, KeyNeeded, MatchNeeded
from admin.api.conditions import (
    Listing,
    check_known,
    check_match,
    fingerprint,
    read_key,
    read_listing,
    read_match,
    tag_of,
)
from admin.api.people_bodies import NameBody, SearchBody
from admin.people_refusals import InvalidField
from pairing_server.tokens import digest

NAME = NameBody(first_names="Anna", last_name="Wit")


@pytest.mark.parametrize("sent", ["8e03978e-40d5", '"8e03978e-40d5"', "k", "k" * 255])
def test_a_key_is_kept_as_its_digest(sent):
    assert read_key([sent]) == digest(sent.strip('"'))


@pytest.mark.parametrize(
    "values", [[], [""], ["a", "a"], ["a b"], ["é"], ["k" * 256], ['"'], ['"a'], ['""']]
)
def test_what_is_no_key_is_none(values):
    with pytest.raises(KeyNeeded):
        read_key(values)


def test_another_method_path_or_body_is_another_act():
    other = NameBody(first_names="Anna", last_name="Witte")
    acts = {
        fingerprint("POST", "/a", NAME),
        fingerprint("POST", "/b", NAME),
        fingerprint("PUT", "/a", NAME),
        fingerprint("POST", "/a", other),
    }

    assert len(acts) == 4
    assert fingerprint("POST", "/a", NameBody(last_name="Wit", first_names="Anna")) in acts


def test_tags_are_read_from_all_lines():
    assert read_match(['"a", "b"', '"c"']) == {'"a"', '"b"', '"c"'}
    with pytest.raises(MatchNeeded):
        read_match([])
    with pytest.raises(MatchNeeded):
        read_match([" , "])


@given(st.text(max_size=20))
def test_only_the_tag_itself_or_any_matches(tag):
    mine = '"mine"'

    check_match(frozenset({mine, tag}), mine)
    check_match(frozenset({"*"}), mine)
    if tag not in (mine, "*"):
        with pytest.raises(Changed):
            check_match(frozenset({tag}), mine)


def test_a_tag_is_of_all_parts_and_of_the_server():
    tags = {
        tag_of(b"k", NAME, None),
        tag_of(b"k", NAME, "a@b.example"),
        tag_of(b"other", NAME, None),
        tag_of(b"k", SearchBody(text="x"), None),
    }

    assert len(tags) == 4
    assert all(tag.startswith('"') and len(tag) == 18 for tag in tags)


def test_a_list_is_read_from_the_beginning_unless_said():
    assert read_listing({}) == Listing("", 50)
    assert read_listing({"cursor": "p1", "limit": "200"}) == Listing("p1", 200)


@pytest.mark.parametrize(
    "query",
    [{"limit": "0"}, {"limit": "201"}, {"limit": "-1"}, {"limit": "1e2"}, {"limit": "٣"}]
    + [{"cursor": each} for each in ("'", "a b", "x" * 201)],
)
def test_what_is_no_part_of_a_list_is_refused(query):
    with pytest.raises(InvalidField):
        read_listing(query)


def test_what_no_filter_is_called_is_refused():
    check_known({"a": "1"}, ("a", "b"))
    with pytest.raises(InvalidField):
        check_known({"c": "1"}, ("a", "b"))
