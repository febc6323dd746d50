"""A code that people type: drawn evenly, read generously, and tried a few times only."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.approvals.refusals import TooManyUserCodes
from pairing_server.approvals.user_code import (
    ALPHABET,
    LENGTH,
    TRIES,
    WINDOW,
    Tries,
    count,
    draw,
    give_back,
    read,
    shown,
)
from tests.approvals.requests import NOW

codes = st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH)
between = st.text(" -._\u2013", max_size=3)


@given(st.randoms(use_true_random=False))
def test_a_drawn_code_is_one_that_can_be_read(source):
    code = draw(source.randbytes)
    assert len(code) == LENGTH
    assert read(code) == read(shown(code)) == code


def test_every_letter_stands_for_as_many_bytes():
    """What is over twelve times twenty names no letter: it is drawn again."""
    every = [bytes(range(n, n + LENGTH)) + b"\xff" * 8 for n in range(0, 240, LENGTH)]
    drawn = "".join(draw(lambda _, part=part: part) for part in every)
    assert {drawn.count(letter) for letter in ALPHABET} == {12}


def test_bytes_that_would_be_unfair_are_drawn_again():
    parts = iter([b"\xff" * 16, b"\xf0" * 16, bytes(range(16))])
    assert draw(lambda _: next(parts)) == ALPHABET[:LENGTH]


@given(codes, st.lists(between, min_size=LENGTH, max_size=LENGTH), st.booleans())
def test_a_code_is_read_however_it_is_written(code, gaps, is_small):
    typed = "".join(letter + gap for letter, gap in zip(code, gaps, strict=True))
    assert read(typed.lower() if is_small else typed) == code


@given(codes, st.integers(0, LENGTH - 1), st.sampled_from("AEIOUY0189\u0130\u00df"))
def test_another_letter_is_no_code(code, at, letter):
    with pytest.raises(ValueError, match="not a user code"):
        read(code[:at] + letter + code[at + 1 :])


@given(st.text(max_size=40))
def test_whatever_is_typed_is_a_code_or_none(typed):
    try:
        code = read(typed)
    except ValueError:
        return
    assert read(shown(code)) == code


@given(st.lists(st.timedeltas(timedelta(0), WINDOW / 4), max_size=60))
def test_no_window_has_more_tries_than_may_be(pauses):
    now, tries, made = NOW, None, []
    for pause in pauses:
        now += pause
        try:
            tries = count(tries, now)
        except TooManyUserCodes:
            continue
        made.append((tries.began_at, now))
    for began_at in {began for began, _ in made}:
        within = [at for began, at in made if began == began_at]
        assert len(within) <= TRIES
        assert max(within) < began_at + WINDOW


def test_the_last_try_is_the_tenth():
    tries = Tries(TRIES - 1, NOW)
    last = count(tries, NOW)
    with pytest.raises(TooManyUserCodes):
        count(last, NOW + WINDOW - timedelta(milliseconds=1))
    assert count(last, NOW + WINDOW) == Tries(1, NOW + WINDOW)


def test_a_code_that_opened_something_is_no_try():
    assert give_back(count(Tries(3, NOW), NOW)) == Tries(3, NOW)
    assert give_back(Tries(0, NOW)) == Tries(0, NOW)
