"""What a recording is lowered to: the source does what the recording does, and is as short as it can be."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import diynn
from diynn.execution.lowering import CannotLower, Program, lower
from diynn.execution.recording import Recording
from diynn.module import parameters
from diynn.ops import OPERATIONS
from tests.backends import NUMPY
from tests.cases import RULES, each_layer, each_loss
from tests.cases.calls import layer_calls, loss_calls
from tests.recordings import record, run_as_text, train
from tests.test_ops import arguments


def close(found, wanted, scale=None):
    """Compare to rounding: sums may be added in another order."""
    assert found.dtype == wanted.dtype
    tolerance = {"float32": 2e-6, "float64": 4e-15}[wanted.dtype.name]
    scale = max(1.0, float(np.abs(wanted).max(initial=0.0))) if scale is None else scale
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * scale)


def check(program, recording, arrays):
    """Run a program's source, and play its recording, which has to come second: both write to one memory."""
    source = lower(program)
    if not program.calls:  # a view of an input
        return source
    recording.result[...] = 0
    run_as_text(source, [np.ascontiguousarray(each) for each in arrays])
    found = recording.result.copy()
    close(found, recording.play(*arrays))
    return source


# ------------------------------------------------------------------ what is remembered


def test_a_source_is_written_once_for_programs_that_differ_in_their_memory_alone():
    def scaled(factor):
        return lambda x: np.maximum(x * factor, 0.0) @ np.ones_like(x).T

    arrays = [np.linspace(-1, 1, 12).reshape(4, 3) + number for number in range(2)]
    recordings = [
        record(scaled(2.0), arrays[0]),
        record(scaled(2.0), arrays[1]),
        record(scaled(3.0), arrays[1]),
    ]
    first, again, other = (lower(program) for _, program in recordings)
    assert again.lines is first.lines
    assert other.text != first.text
    for (recording, program), array in zip(recordings, (arrays[0], *arrays[1:] * 2), strict=True):
        check(program, recording, [array])


# ------------------------------------------------------------------ the same values


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - {"draw"}))  # NumPy's generators draw
@given(data=st.data())
def test_an_operation_lowered_gives_what_it_gives_played(name, data):
    given_arguments = data.draw(arguments(name))
    places = [place for place, value in enumerate(given_arguments) if isinstance(value, np.ndarray)]
    if any(given_arguments[place].size == 0 for place in places):
        return

    def call(number, *arrays):
        whole = list(given_arguments)
        for place, array in zip(places, arrays, strict=True):
            whole[place] = array
        result = OPERATIONS[name](*whole)
        return result[number] if isinstance(result, tuple) else result

    arrays = [given_arguments[place] for place in places]
    for number in range(2 if name.endswith("cross_entropy") else 1):
        recording, program = record(
            lambda *found, number=number: call(number, *found), *(1 - a for a in arrays)
        )
        check(program, recording, arrays)


@each_layer
@given(data=st.data())
def test_a_layer_lowered_has_the_gradient_and_the_update_of_the_definition(layer, data):
    call = data.draw(layer_calls(layer, NUMPY))
    net, x, target = call.on(NUMPY)
    if not x.size:
        return
    trained = train(net, diynn.MSELoss(), x, target, rate=0.1)
    before = [value.copy() for value in trained.values]
    trained.spoil()
    run_as_text(
        lower(trained.program),
        [np.ascontiguousarray(x), np.ascontiguousarray(target), np.array(0.1, x.dtype)],
    )
    found = [result.copy() for result in trained.results]
    for value, old in zip(trained.values, before, strict=True):
        value[...] = old
    trained.recording.play(x, target, 0.1)
    # Of the largest number in the gradient: a bias may be a sum of far larger numbers, which cancel.
    scale = max(1.0, *(float(np.abs(each).max(initial=0.0)) for each in trained.results))
    for one, two in zip(found, trained.results, strict=True):
        close(one, two, scale)


@each_loss
@given(data=st.data())
def test_a_loss_lowered_gives_its_costs_and_gradient(case, data):
    call = data.draw(loss_calls(case, NUMPY))
    y, yhat = call.on(NUMPY)
    if not yhat.size:
        return
    for number in range(2):
        recording, program = record(
            lambda a, b, n=number: case.loss.costs_and_delta(a, b)[n], y[::-1], yhat[::-1]
        )
        check(program, recording, (y, yhat))


@pytest.mark.parametrize("rule", [rule for case in RULES for rule in case.rules], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_update_rules(rule, dtype):
    rng = np.random.default_rng(0)
    value, gradient = rng.normal(size=(2, 3, 5)).astype(dtype)
    state = rule.start(value)

    def step(gradient, eps, value, *state):
        change, later = rule.change(value, gradient, state, eps, 3)
        for old, new in zip(state, later, strict=True):
            old[...] = new
        value -= change
        return value

    recording = Recording(step, gradient, np.array(0.1, dtype), value, *state)
    program = Program(recording.calls, recording.inputs, recording.inputs)
    inputs = [gradient, np.array(0.1, dtype), value, *state]
    lowered = [each.copy() for each in inputs]
    run_as_text(lower(program), lowered)
    change, later = rule.change(value, gradient, state, 0.1, 3)
    for found, wanted in zip(lowered[2:], (value - change, *later), strict=True):
        np.testing.assert_allclose(found, wanted, rtol={"float32": 2e-6, "float64": 1e-14}[dtype])


FUNCTIONS = {
    **{
        name: (getattr(np, name), 1)
        for name in ("sqrt", "square", "reciprocal", "expm1", "log2", "cosh", "floor")
    },
    **{
        name: (getattr(np, name), 1)
        for name in ("exp2", "log10", "arctan", "sin", "rint", "positive", "absolute", "sign")
    },
    **{
        name: (getattr(np, name), 2) for name in ("power", "hypot", "arctan2", "minimum", "maximum", "divide")
    },
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_of_numbers(name, dtype):
    function, count = FUNCTIONS[name]
    arrays = np.random.default_rng(0).uniform(0.5, 2, (count, 3, 4)).astype(dtype)
    recording, program = record(function, *(arrays + 1))
    check(program, recording, arrays)


def test_whole_numbers_wrap_at_their_ends():
    found = np.array([100, -100, 3], "int8")
    recording, program = record(lambda x: (x + x) - x * x, np.ones(3, "int8"))
    run_as_text(lower(program), [found])
    np.testing.assert_array_equal(recording.result, (found + found) - found * found)


def test_truth_values():
    a, b = np.array([[True, True, False, False], [True, False, True, False]])
    for function in (np.logical_and, np.logical_or, lambda x, y: np.logical_not(x) * (x != y), np.equal):
        recording, program = record(function, ~a, ~b)
        run_as_text(lower(program), [a, b])
        np.testing.assert_array_equal(recording.result, function(a, b))


def test_products_of_any_order_and_number_of_dimensions():
    rng = np.random.default_rng(0)

    def normal(*shape):
        return rng.normal(size=shape)

    cases = [
        (lambda a, b: a @ b, normal(2, 3, 4), normal(4, 5)),
        (lambda a, b: a @ b, normal(2, 3, 4), normal(2, 4, 5)),
        (lambda a, b: a @ b, normal(3, 1, 2, 4), normal(2, 4, 5)),
        (lambda a, b: a[:, ::2] @ b, normal(2, 5, 4), normal(4, 5)),
        (lambda a, b: a.swapaxes(1, 2) @ b, normal(2, 4, 3), normal(2, 4, 5)),
        (lambda a, b: (a @ b.T).T + 0, normal(3, 4), normal(5, 4)),
        (lambda a, b: a @ b, normal(4), normal(4, 5)),
        (lambda a, b: a @ b, normal(3, 4), normal(4)),
        (lambda a, b: a @ b, normal(2, 3, 4), normal(4)),
        (lambda a, b: a @ b + 0, normal(4), normal(4)),
    ]
    for function, a, b in cases:
        recording, program = record(function, a + 1, b + 1)
        check(program, recording, (a, b))


# ------------------------------------------------------------------ how it is written


def setting(dtype="float64", batch=4):
    rng = np.random.default_rng(0)
    new = {"rng": rng, "dtype": dtype}
    net = diynn.Sequential(diynn.Linear(3, 5, **new), diynn.Tanh(), diynn.Linear(5, 2, **new))
    return net, rng.normal(size=(batch, 3)).astype(dtype), rng.integers(0, 2, (batch, 2)).astype(dtype)


def body(trained):
    return lower(trained.program).lines


def test_a_whole_step_is_a_page_with_names_of_its_own():
    net, x, y = setting()
    source = lower(train(net, diynn.BCEWithLogitsLoss(), x, y, rate=0.1).program)
    assert source.text.startswith("def step(first, x, y, eps, p0, ")
    assert "gemm(N, N, 4, 5, 3, x, 3, p0, 5, 0, t1, 5)  # t1 = x @ p0" in source.text
    assert len(source.lines) < 70
    assert max(map(len, source.lines)) < 130
    assert list(source.arguments)[:3] == ["x", "y", "eps"]


def test_neighbours_are_one_loop_and_scratch_is_not_stored():
    recording, program = record(lambda x, b: np.tanh(2 * (x + b)) * x, np.ones((3, 4)), np.ones(4))
    lines = lower(program).lines
    assert [line.strip() for line in lines[:2]] == ["for i in range(3):", "for j in range(4):"]
    assert sum("] = " in line for line in lines) == 1
    check(program, recording, [np.full((3, 4), 0.3), np.arange(4.0)])


def test_a_sum_over_rows_joins_the_loop():
    _, program = record(lambda x: np.sum(x * x, axis=1), np.ones((3, 4)))
    lines = lower(program).lines
    assert [line.strip() for line in lines if "for" in line] == ["for i in range(3):", "for j in range(4):"]


def test_dimensions_that_lie_behind_one_another_are_one():
    _, program = record(lambda x: x + x, np.ones((3, 4, 5)))
    assert lower(program).lines[0] == "for i in range(60):"


def test_constants_are_numbers():
    _, program = record(lambda x: np.maximum(x, 0.5) * np.ones_like(x), np.ones((3, 4)))
    source = lower(program)
    assert "maximum(x0[i], 0.5) * 1.0" in source.text
    assert len(source.buffers) == 1


def test_zero_product_and_sum_are_one_product():
    net, x, y = setting()
    lines = [line for line in body(train(net, diynn.MSELoss(), x, y)) if "g0" in line]
    assert lines == ["gemm(T, N, 3, 5, 4, x, 3, t13, 5, 0 if first else 1, g0, 5)  # g0 = or += x.T @ t13"]


def test_one_example_s_gradient_is_made_where_the_update_reads_it():
    net, x, y = setting(batch=1)
    serially = copy.deepcopy(net)
    diynn.Optim(serially, diynn.MSELoss(), 0.1, execution="serial").step(x, y)
    trained = train(net, diynn.MSELoss(), x, y, rate=0.1)
    source = lower(replace(trained.program, sums=[]))
    trained.spoil()
    run_as_text(source, [x, y, np.array(0.1)])
    for value, gradient, wanted in zip(trained.values, trained.gradients, parameters(serially), strict=True):
        close(value, wanted.value)
        close(gradient, wanted.gradient)
    place = next(number for number, line in enumerate(source.lines) if " g0[" in line and "] = " in line)
    assert any(" p0[" in line and "] = " in line for line in source.lines[place : place + 3]), source.text
    assert not any(line.startswith("gemm") and "# g" in line for line in source.lines)


def test_a_matrix_of_a_column_and_a_row_is_not_made_after_either_has_changed():
    def function(x, column, row):
        matrix = column @ row
        row *= 3
        return matrix + x * row

    arrays = [np.arange(12.0).reshape(3, 4), np.arange(3.0)[:, None], np.arange(4.0)[None, :]]
    recording, program = record(lambda x, a, b: function(x, a + 0, b + 0), *(1 - each for each in arrays))
    check(program, recording, arrays)


def test_a_tied_weight_is_added_to_by_the_second_product():
    linear = diynn.Linear(3, 3, rng=0)
    _, x, _ = setting()
    products = [
        line for line in body(train(diynn.Sequential(linear, linear), diynn.MSELoss(), x, x)) if "g0" in line
    ]
    assert [line.split(", ")[9] for line in products] == ["0 if first else 1", "1"]


def test_blocks_add_up():
    net, x, y = setting(batch=8)
    trained = train(net, diynn.MSELoss(), x[:4], y[:4])
    source = lower(trained.program)
    trained.spoil()
    run_as_text(source, [x[:4], y[:4], np.zeros(())])
    run_as_text(source, [x[4:], y[4:], np.zeros(())], first=False)
    whole = train(net, diynn.MSELoss(), x, y)
    whole.recording.play(x, y, 0)
    for found, wanted in zip(trained.gradients, whole.gradients, strict=True):
        close(found, wanted)


def test_what_nobody_reads_is_not_computed():
    _, program = record(lambda x: (np.exp(x), x + 1)[1], np.ones(3))
    assert "exp" not in lower(program).text


def test_a_value_that_is_overwritten_in_place_is_read_before():
    def function(x):
        a = x + 1
        b = a * 2
        a *= 3
        b += a
        a -= b
        return a + b * x

    recording, program = record(function, np.ones(3))
    check(program, recording, [np.arange(3.0)])


def test_views_that_overlap_do_not_share_a_loop():
    def function(x):
        whole = np.zeros_like(x)
        whole[1:] += x[:-1]
        whole[:-1] += whole[1:]
        return whole

    recording, program = record(function, np.ones(5))
    check(program, recording, [np.arange(5.0)])


def test_a_sliding_window_is_a_view():
    def function(x):
        y = x + 1
        return np.sum(np.lib.stride_tricks.sliding_window_view(y, 2, axis=0, subok=True), axis=1)

    recording, program = record(function, np.ones(5))
    check(program, recording, [np.arange(5.0)])


def test_many_rows_are_summed_as_a_product_with_ones():
    recording, program = record(lambda x: np.sum(x, axis=0), np.ones((600, 3)))
    assert "gemv(T, 600, 3, " in lower(program).text
    check(program, recording, [np.random.default_rng(0).normal(size=(600, 3))])


def test_no_two_buffers_have_one_name():
    _, program = record(lambda x: np.sum(x[:600], axis=0) + np.sum(x, axis=0), np.ones((700, 3)))
    source = lower(replace(program, names={"x": program.inputs[0], "t0": program.kept[0]}))
    assert len(source.arguments) == 1 + len(source.buffers)
    assert {"ones600", "ones700"} <= source.arguments.keys()


# ------------------------------------------------------------------ what cannot be written


def cannot(message, function, *arrays):
    recording = Recording(function, *arrays)
    with pytest.raises(CannotLower, match=message):
        lower(Program(recording.calls, recording.inputs, [recording.result]))


def test_what_is_not_known_is_refused_with_a_reason():
    reals = np.ones((3, 4))
    cannot(r"numpy\.spacing of float64", np.spacing, reals)
    cannot(r"numpy\.add of float16", lambda x: x + x, reals.astype("float16"))
    cannot(r"a copy of complex128", lambda x: x.astype("complex128"), reals)
    cannot(r"numpy\.multiply\.reduce", lambda x: np.multiply.reduce(x, axis=0), reals)
    cannot(r"a product of int64 and int64", lambda x: x @ x.T, reals.astype("int64"))
    cannot(
        r"a product of a matrix whose rows and columns both have gaps",
        lambda x: x[::2, ::2] @ x[:2, :2],
        reals,
    )
    cannot(r"an empty batch", lambda x: np.sum(x, axis=0), np.ones((0, 3)))
    cannot(r"a reduction of bool to int64", lambda x: np.sum(x > 0, axis=0), reals)
    cannot(r"axes that do not lie side by side", lambda x: np.sum(x, axis=(0, 2)), np.ones((2, 3, 4)))
    cannot(r"axes with gaps between them", lambda x: np.sum(x[:, ::2], axis=(0, 1)), np.ones((2, 5, 4)))
    cannot(r"numpy\.remainder of float64", lambda x: np.remainder(x, 2.0), reals)
    cannot(r"numpy\.add\.reduce", lambda x: np.add.reduce(x, axis=0, where=x > 0), reals)
    cannot(r"memory that is seen as two types", lambda x: x.view("int64") + 1, reals)


def test_a_lowering_leaves_the_recording_as_it_was():
    net, x, y = setting()
    trained = train(net, diynn.MSELoss(), x, y)
    calls = copy.copy(trained.program.calls)
    trained.recording.play(x, y, 0)
    wanted = [gradient.copy() for gradient in trained.gradients]
    lower(trained.program)
    assert list(trained.program.calls) == calls
    for one, two in zip(trained.gradients, wanted, strict=True):
        np.testing.assert_array_equal(one, two)
    assert len(parameters(net)) == 4
