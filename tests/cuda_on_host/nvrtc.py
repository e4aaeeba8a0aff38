"""Machine code for devices of every kernel that was kept: ``python -m tests.cuda_on_host.nvrtc FOLDER``.

CuPy and NVRTC have to be installed (`cupy-cuda13x`, `nvidia-cuda-nvrtc`, `nvidia-cuda-runtime`); no driver,
no device is needed. The options are those that CuPy gave. Kernels of the same options are compiled together,
which reads CuPy's headers once.
"""

import re
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

#: Turing, Ampere, Hopper, Blackwell.
ARCHITECTURES = ("sm_75", "sm_80", "sm_90", "sm_100")
_NAME = re.compile(r"__global__\s+void\s+(?:__launch_bounds__\(\w+\)\s+)?(\w+)\(")


def together(sources):
    """Return CUDA source that holds several kernels, each in a name space of its own, and their names."""
    includes, bodies, names = {}, [], []
    for number, source in enumerate(sources):
        lines = source.splitlines()
        includes |= dict.fromkeys(line for line in lines if line.startswith("#include"))
        body = "\n".join(line for line in lines if not line.startswith(("#include", "//")))
        for name in set(_NAME.findall(body)):
            body = re.sub(rf"\b{name}\b", f"{name}_{number}", body)
            names.append(f"{name}_{number}")
        macros = set(re.findall(r"#define (\w+)", body))
        ended = "".join(f"#undef {macro}\n" for macro in macros)
        bodies.append(f"namespace kernel_{number} {{\n{body}\n}}\n{ended}")
    return "\n".join([*includes, *bodies]), names


def large(source):
    """Return a kernel as CuPy writes it where 32 bits do not count its elements."""
    text = re.sub(r"(CArray<\w+, \d+, [01]), 1>", r"\1, 0>", source)
    return re.sub(r"(CIndexer<\d+), 1>", r"\1, 0>", text).replace(
        "typedef int IndexT", "typedef ptrdiff_t IndexT"
    )


def compiled(sources, architecture):
    """Return the machine code of kernels for an architecture; raise unless each of them is in it."""
    from cupy.cuda import compiler

    text, names = together(sources)
    options = sources[0].partition("\n")[0].removeprefix("//").split()
    options += [f"-arch={architecture}", "--device-as-default-execution-space"]
    code = compiler._NVRTCProgram(text, method="cubin").compile(tuple(options))[0]
    absent = [name for name in names if name.encode() not in code]
    if absent or code[:4] != b"\x7fELF" or len(names) < len(sources):
        raise RuntimeError(f"{architecture}: no code for {absent or 'a kernel without a name'}")
    return code


def size_of(sources, architecture):
    return len(compiled(sources, architecture))


def kept(folder):
    """Return the sources of all kernels of a folder in groups that are compiled together."""
    groups = defaultdict(list)
    for source in {path.read_text(encoding="utf-8"): None for path in sorted(Path(folder).glob("*.cu"))}:
        alone = "extern __shared__" in source or "<cub/" in source  # whose names are one for all
        groups[source.partition("\n")[0], source if alone else ""].append(source)
    return list(groups.values())


def main(folder, everything=""):
    """Compile all kernels for all architectures, and say how many there were.

    Kernels of CUB's templates, of two seconds each, and those as for large arrays are compiled for a Hopper
    alone, unless ``everything`` is ``"--all"``.
    """
    groups = kept(folder)
    if not groups:
        print(f"no kernels in {folder}: DIYNN_CUDA_ON_HOST={folder} pytest --backend cupy-host keeps them")
        return 1
    few = ARCHITECTURES if everything == "--all" else ("sm_90",)
    cub = [group for group in groups if "<cub/" in group[0]]
    usual = [group for group in groups if group not in cub]
    work = [*product(usual, ARCHITECTURES), *product(cub, few)]
    work += product([[large(source) for source in group] for group in usual], few)
    with ProcessPoolExecutor() as pool:
        size = sum(pool.map(size_of, *zip(*work, strict=True)))
    sources = [source for group in usual for source in group]
    names = {_NAME.search(source)[1] for source in sources}
    floats = sum("CArray<float," in source for source in sources)
    doubles = sum("CArray<double," in source for source in sources)
    print(f"{len(sources)} sources of {len(names)} kernels, {floats} with float32, {doubles} with float64, "
          f"for {', '.join(ARCHITECTURES)}")  # fmt: skip
    print(f"as for large arrays, and {len(cub)} reductions by CUB, for {', '.join(few)}")
    print(f"{size:,} bytes of machine code")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
