"""The canonical form is that of RFC 8785, which the library and its own vectors show."""

from enum import StrEnum

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from pairing_server.canonical_json import canonical_json

ANY_TEXT = st.text(st.characters(codec=None), max_size=8)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**53 - 3, max_value=2**53 + 3)
    | st.floats()
    | ANY_TEXT
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(ANY_TEXT, inner, max_size=5)
    ),
    max_leaves=20,
)


class Word(StrEnum):
    """A string that is more than one."""

    SPOKEN = 'he said "é"'


def written(write, value):
    try:
        return write(value)
    except (ValueError, RecursionError):
        return None


@given(VALUES)
@example({"\U0001f600": 1, "\ufb33": 2})
@example({"a": "\x00\x1f\x7f\u2028\ud800"})
@example({"\udc00": 1})
@example({"": {"b": [], "a": {}}})
@example([2**53, -(2**53) + 1, True, 0.1, -0.0, 1e21])
def test_it_is_what_the_library_writes(value):
    assert written(canonical_json, value) == written(rfc8785.dumps, value)


def test_names_stand_in_the_order_of_utf_16():
    assert canonical_json({"\ufb33": 1, "\U0001f600": 2}) == '{"😀":2,"\ufb33":1}'.encode()


def test_only_what_has_to_be_escaped_is():
    assert canonical_json('\x08\t\n\x0b\f\r"\\/\x7fé€') == (
        '"\\b\\t\\n\\u000b\\f\\r\\"\\\\/\x7fé€"'.encode()
    )


def test_a_named_word_is_its_string():
    assert canonical_json({"word": Word.SPOKEN}) == '{"word":"he said \\"é\\""}'.encode()


@pytest.mark.parametrize(
    "value",
    [2**53, float("nan"), float("inf"), "\ud800", {1: "one"}, {"\udfff": 1}, b"bytes", {1, 2}],
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises((rfc8785.CanonicalizationError, UnicodeError)):
        canonical_json([value])
