"""Every kernel for CuPy compiles to machine code: by NVRTC, for all dtypes and generations of devices."""

import pytest

pytest.importorskip("cupy", exc_type=ImportError)

from tests import cupy_real
from tests.cupy_kernels import ARCHITECTURES, DTYPES, compiled, kernels, source

CUPY = cupy_real.real()


def _missing():
    """Return why nothing can be compiled, or None."""
    if cupy_real.replaced():
        return "compiled in a run without --backend cupy-fake: CuPy's own modules ask for CuPy itself"
    try:
        compiled('extern "C" __global__ void none() {}', ARCHITECTURES[0])
    except (ImportError, OSError, RuntimeError) as error:
        return f"no NVRTC: {error}"
    return None


MISSING = _missing()
pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", kernels())
def test_a_kernel_compiles(name, dtype, architecture):
    code = compiled(source(kernels()[name], dtype), architecture)
    assert code[:4] == b"\x7fELF"
    assert name.encode() in code


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", kernels())
def test_a_kernel_compiles_for_views_and_for_large_arrays(name, dtype):
    for words in ({"dimensions": 3, "contiguous": False}, {"small": False}):
        assert name.encode() in compiled(source(kernels()[name], dtype, **words), "sm_90")


def test_a_kernel_that_is_wrong_does_not_compile():
    wrong = CUPY.ElementwiseKernel("T x", "T y", "y = undeclared(x)", "wrong")
    with pytest.raises(CUPY.cuda.compiler.CompileException, match="undeclared"):
        compiled(source(wrong, "float32"), "sm_90")
