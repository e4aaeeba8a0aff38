"""Updates in parts, one a thread: together they do what the whole does, or one does it all."""

from functools import partial

import numpy as np
import pytest

from diynn.execution.lowering import Program, lower
from diynn.execution.parts import parts
from tests.recordings import run_as_text

rng = np.random.default_rng(0)


def program(*calls):
    given = [each for call in calls for each in (*call.args, *call.keywords.values())]
    arrays = {id(each): each for each in given if isinstance(each, np.ndarray)}
    return Program(list(calls), [], list(arrays.values()))


def run(some):
    for each in some:
        if each.calls:
            run_as_text(lower(each), [])


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_parts_in_any_order_do_what_the_whole_does(count):
    value, gradient, state, bias = (
        rng.normal(size=(5, 3)),
        rng.normal(size=(5, 3)),
        np.zeros((5, 3)),
        np.ones(3),
    )
    scratch, eps, row = np.empty((5, 3)), np.array(0.1), rng.normal(size=(1, 3))
    calls = (
        partial(np.multiply, gradient, row, out=scratch),
        partial(np.add, state, scratch, out=state),
        partial(np.copyto, scratch, state),
        partial(np.multiply, eps, scratch, out=scratch),
        partial(np.subtract, value, scratch, out=value),
        partial(np.subtract, bias, bias, out=bias),
    )
    wanted = value - 0.1 * (gradient * row)
    divided = parts(program(*calls), count)
    assert len(divided) == count
    assert sum(bool(each.calls) for each in divided) == min(count, 5)
    run(divided[::-1])
    np.testing.assert_allclose(value, wanted, rtol=1e-14)
    np.testing.assert_array_equal(bias, np.zeros(3))


@pytest.mark.parametrize("kind", ["a sum", "a number", "two views", "a mask"])
def test_what_rows_share_is_done_by_one(kind):
    value, norm, mask = rng.normal(size=(4, 4)), np.zeros(()), np.ones((4, 4), bool)
    call = {
        "a sum": partial(np.add.reduce, value, axis=None, out=norm),
        "a number": partial(np.add, norm, 1.0, out=norm),
        "two views": partial(np.add, value, value.T, out=value),
        "a mask": partial(np.add, value, 1.0, out=value, where=mask),
    }[kind]
    double = partial(np.multiply, value, 2.0, out=value)
    first, *others = parts(program(double, call), 3)
    assert len(first.calls) == 2
    assert not any(each.calls for each in others)
