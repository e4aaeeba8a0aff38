"""The functions of compiled loops: two units in the last place, and exact at all special values."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from diynn.execution import vector_math

pytest.importorskip("llvmlite")

from diynn.execution.compiled import load
from diynn.execution.statements import address
from diynn.execution.walking import Function

REALS = [np.float32, np.float64]
each_real = pytest.mark.parametrize("real", REALS, ids=lambda real: real.__name__)
each_function = pytest.mark.parametrize("name", ["exp", "tanh", "log", "log1p"])


def compiled(name, values):
    """Return a function of each value, by a compiled loop."""
    found = np.full_like(values, np.nan)
    text = f"""
def step(values, found):
    for i in range({values.size}):
        found[i] = {name}{8 * values.itemsize}(values[i])
"""
    code = load({"step": Function(text, [values.dtype] * 2)})
    words = np.array([address(values), address(found)], np.int64)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code.addresses["step"])(address(words))
    return found


def everywhere(real):
    """Return numbers of every exponent and sign, and many that are neither large nor small."""
    info, rng = np.finfo(real), np.random.default_rng(0)
    whole = np.dtype(f"i{real().itemsize}")
    mantissas = [
        0,
        1,
        2**info.nmant - 1,
        *rng.integers(0, 2**info.nmant, 2000 if real is np.float32 else 250),
    ]
    exponents = np.arange(2 ** (info.nexp) - 1, dtype=whole)  # without inf and NaN
    positive = ((exponents[:, None] << info.nmant) + np.array(mantissas, whole)).ravel().view(real)
    usual = rng.uniform(-1, 1, 500_000)
    reach = 2 * np.log(info.max)
    return np.concatenate([positive, -positive, *(usual * scale for scale in (1, 20, reach))], dtype=real)


@each_function
@each_real
def test_within_two_units_in_the_last_place(name, real):
    values = everywhere(real)
    precise = np.float64 if real is np.float32 else np.longdouble
    if np.finfo(precise).nmant <= np.finfo(real).nmant + 8:
        pytest.skip("there is no type on this machine that is more precise")
    with np.errstate(all="ignore"):
        wanted = getattr(np, name)(values.astype(precise))
        nearest = wanted.astype(real)
    found = compiled(name, values)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(nearest))
    np.testing.assert_array_equal(np.isinf(found), np.isinf(nearest))
    numbers = ~np.isnan(nearest)
    np.testing.assert_array_equal(np.signbit(found[numbers]), np.signbit(nearest[numbers]))
    finite = np.isfinite(nearest)
    unit = np.spacing(np.abs(nearest[finite])).astype(precise)
    assert np.max(np.abs(found[finite].astype(precise) - wanted[finite]) / unit) <= 2


SPECIAL = {
    "exp": [(0.0, 1.0), (-0.0, 1.0), (np.inf, np.inf), (-np.inf, 0.0), (1e5, np.inf), (-1e5, 0.0)],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (np.inf, 1.0), (-np.inf, -1.0), (1e5, 1.0), (-1e5, -1.0)],
    "log": [(0.0, -np.inf), (-0.0, -np.inf), (1.0, 0.0), (np.inf, np.inf), (-1.0, np.nan), (-np.inf, np.nan)],
    "log1p": [(0.0, 0.0), (-0.0, -0.0), (-1.0, -np.inf), (np.inf, np.inf), (-2.0, np.nan), (-np.inf, np.nan)],
}


@each_function
@each_real
def test_special_values_are_exact(name, real):
    values, wanted = np.array(
        [*SPECIAL[name], (np.nan, np.nan)] * 5, real
    ).T.copy()  # 5: in vectors and behind
    found = compiled(name, values)
    np.testing.assert_array_equal(found, wanted)
    numbers = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(found[numbers]), np.signbit(wanted[numbers]))


@each_real
def test_the_smallest_numbers_are_their_own_tanh_and_log1p(real):
    info = np.finfo(real)
    values = np.array([info.smallest_subnormal, 3 * info.smallest_subnormal, info.smallest_normal] * 7, real)
    for name in ("tanh", "log1p"):
        np.testing.assert_array_equal(compiled(name, values), values)
        np.testing.assert_array_equal(compiled(name, -values), -values)


@each_function
@each_real
def test_they_run_as_they_stand(name, real):
    """A reader may call them: they are Python."""
    constants = vector_math.constants(real)
    for value in (0.3, 1.7, 0.004):
        found = getattr(vector_math, name)(real(value), constants)
        assert found.dtype == real
        np.testing.assert_allclose(found, getattr(np, name)(real(value)), rtol=4 * np.finfo(real).eps)


@each_real
def test_what_is_taken_off_a_reduced_argument_is_exact(real):
    """n · high has no rounding for any exponent n, so that what is left of x is right to the last bit."""
    constants, info = vector_math.constants(real), np.finfo(real)
    for n in range(int(info.minexp) - info.nmant, int(info.maxexp) + 1):
        assert float(real(n) * real(constants.high)) == n * constants.high
