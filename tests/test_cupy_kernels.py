"""Every kernel for CuPy compiles to machine code: by NVRTC, for all dtypes and generations of devices."""

import pytest

real_cupy = pytest.importorskip("cupy", exc_type=ImportError)

from tests.cupy_kernels import ARCHITECTURES, DTYPES, compiled, kernels, source  # noqa: E402


def _nvrtc():
    try:
        compiled('extern "C" __global__ void none() {}', ARCHITECTURES[0])
    except (ImportError, OSError, RuntimeError) as error:
        return str(error)
    return None


pytestmark = pytest.mark.skipif(_nvrtc() is not None, reason=f"no NVRTC: {_nvrtc()}")


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
    wrong = real_cupy.ElementwiseKernel("T x", "T y", "y = undeclared(x)", "wrong")
    with pytest.raises(real_cupy.cuda.compiler.CompileException, match="undeclared"):
        compiled(source(wrong, "float32"), "sm_90")
