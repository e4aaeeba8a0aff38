"""The CUDA source that CuPy makes of each kernel of ``diynn/ops/on_cupy.py``, and its compilation by NVRTC.

CuPy and NVRTC have to be installed (`cupy-cuda13x`, `nvidia-cuda-nvrtc`, `nvidia-cuda-runtime`); no driver,
no device is needed. The functions of CuPy that write the source are internal, and those of 14.2.
"""

from functools import cache

import numpy as np

from tests import cupy_on_host, cupy_real

#: What a kernel's type T is, as `_fits` in ``on_cupy.py`` lets it be.
DTYPES = ("float32", "float64")
#: Turing, Ampere, Hopper, Blackwell.
ARCHITECTURES = ("sm_75", "sm_80", "sm_90", "sm_100")
_ARRAY, _INDEXER, _SCALAR = 1, 2, 3  # kinds of arguments, in CuPy's numbers


@cache
def kernels():
    """Return the kernels of ``on_cupy.py`` by name, made by CuPy itself."""
    cupy = cupy_real.real()
    module, _ = cupy_on_host.load(cupy)
    found = [each for each in vars(module).values() if isinstance(each, cupy.ElementwiseKernel)]
    return {each.name: each for each in found}


def source(kernel, dtype, *, dimensions=2, contiguous=True, small=True):
    """Return the CUDA source of a kernel for arrays of a dtype, as CuPy writes it before it compiles.

    ``small`` is whether indices of 32 bits reach all elements.
    """
    from cupy._core import _kernel, core  # imported by CuPy's own name: its compiled modules

    typed = np.dtype(dtype).type
    given = tuple(typed if each.ctype == "T" else np.dtype(each.dtype).type for each in kernel.in_params)
    _, _, types = _kernel._decide_params_type(kernel.in_params, kernel.out_params, given, ())
    arguments = []
    for each in (*kernel.in_params, *kernel.out_params):
        if each.ctype == "T":
            shape = dimensions, contiguous, small
            arguments.append(_kernel._ArgInfo(_ARRAY, cupy_real.real().ndarray, typed, *shape))
        else:
            arguments.append(_kernel._ArgInfo(_SCALAR, int, np.dtype(each.dtype).type, 0, True, True))
    arguments.append(_kernel._ArgInfo(_INDEXER, None, None, dimensions, True, small))
    body = _kernel._get_elementwise_kernel_code(
        tuple(arguments), types, kernel.params, kernel.operation, kernel.name, kernel.preamble
    )
    return "".join(f"#include <{header}>\n" for header in core._cupy_header_list) + body


def check_call(kernel, dtypes):
    """Raise unless CuPy would launch a kernel with arguments of these dtypes; None for a number."""
    from cupy._core import _kernel

    if len(dtypes) not in (kernel.nin, kernel.nargs):
        raise TypeError(f"{kernel.name} takes {kernel.nin} or {kernel.nargs} arguments, got {len(dtypes)}")
    types = tuple(dtype if dtype is None else dtype.type for dtype in dtypes)
    given, out = types[: kernel.nin], types[kernel.nin :]
    _kernel._decide_params_type(kernel.in_params, kernel.out_params, given, out)


def compiled(text, architecture):
    """Return the machine code of CUDA source for an architecture."""
    from cupy._core import core
    from cupy.cuda import compiler

    options = (f"-arch={architecture}", *core.assemble_cupy_compiler_options(()))
    return compiler._NVRTCProgram(text, method="cubin").compile(options)[0]
