"""A script has one step for each request."""

import pytest

from clients.phone_script import BadScript, Step, Verdict, read_script


def test_each_line_is_a_step():
    steps = read_script(
        "# a morning\n"
        "approve 042917\n"
        "approve @/run/code  # of the workstation\n"
        "\n"
        "approve\n"
        "deny\n"
        "not-me\n"
        "  ignore\n"
    )

    assert steps == [
        Step(Verdict.APPROVE, code="042917"),
        Step(Verdict.APPROVE, file="/run/code"),
        Step(Verdict.APPROVE),
        Step(Verdict.DENY),
        Step(Verdict.NOT_ME),
        Step(Verdict.IGNORE),
    ]


def test_a_wait_puts_off_the_step_behind_it_alone():
    steps = read_script("wait 2\nwait 0.5\ndeny\ndeny\n")

    assert [step.delay for step in steps] == [2.5, 0.0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no step"),
        ("# nothing\n", "no step"),
        ("deny\nreject\n", "line 2 is no step: reject"),
        ("approve 1 2", "line 1"),
        ("wait -1\ndeny", "line 1"),
        ("wait nan\ndeny", "line 1"),
        ("deny other", "line 1"),
    ],
)
def test_another_line_is_told(text, told):
    with pytest.raises(BadScript, match=told):
        read_script(text)
