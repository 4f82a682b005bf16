"""What stands under `with:` is refused just where the probe could not take it, and in words whatever the type is."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from opskit.definitions.arguments import wrong_arguments
from opskit.model.problem import Lines
from opskit.probes.registry import PROBES, probe

VALUES = [None, True, 0, -1, 1.5, 10**90, "", "x", ".nan", [], ["x"], [1], [["x"]], [None, {}], {}, {"a": [1]}]


class Args(msgspec.Struct):
    """Arguments of every kind that a probe has."""

    words: str = ""
    number: float = 0.0
    maybe: int | None = None
    flag: bool = False
    choice: Literal["a", "b"] = "a"
    many: tuple[str, ...] = ()


def told(**given: object) -> list[str]:
    return [str(problem.text) for problem in wrong_arguments(given, Args, "x.yaml", Lines())]


WRONG = [
    ({"words": 5}, "with.words: expected text (put it in quotes), got '5'"),
    ({"words": True}, "with.words: expected text (put it in quotes), got 'true'"),
    ({"words": None}, "with.words: expected text, got nothing"),
    ({"words": ["a"]}, "with.words: expected text, got a list"),
    ({"number": "a"}, "with.number: expected a number, got 'a'"),
    ({"number": "9" * 200}, f"with.number: expected a number, got '{'9' * 60}...'"),
    ({"maybe": 1.5}, "with.maybe: expected a whole number, got '1.5'"),
    ({"maybe": "a"}, "with.maybe: expected a whole number, got 'a'"),
    ({"flag": 1}, "with.flag: expected true or false, got '1'"),
    ({"choice": "c"}, "with.choice: expected one of a, b, got 'c'"),
    ({"choice": {}}, "with.choice: expected one of a, b, got keys and values"),
    ({"many": "a"}, "with.many: expected a list, got 'a'"),
    ({"many": ["a", 1]}, "with.many[1]: expected text (put it in quotes), got '1'"),
    ({"worts": "a"}, "with: unknown key 'worts', did you mean 'words'?"),
    ({"": "a"}, "with: unknown key '', expected one of choice, flag, many, maybe, number, words"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_a_wrong_argument_is_told_in_the_words_of_the_other_mistakes(given, said):
    assert told(**given) == [said]


def test_every_wrong_argument_is_told():
    assert len(told(words=1, number="a", many=[1, "b", 2], other=1)) == 5


@pytest.mark.parametrize("name", PROBES)
def test_no_argument_of_any_probe_is_refused_that_it_would_take_nor_taken_that_it_would_refuse(name):
    kind = type(probe(name)).arguments
    for argument in kind.__struct_fields__:
        for value in VALUES:
            try:
                msgspec.convert({argument: value}, kind)
                fits = True
            except msgspec.ValidationError:
                fits = False
            problems = wrong_arguments({argument: value}, kind, "x.yaml", Lines())
            assert (not problems) == fits, (argument, value)
            assert all(" got " in str(problem.text) for problem in problems)
