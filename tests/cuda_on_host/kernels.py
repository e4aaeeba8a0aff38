"""The kernels that CuPy launches: their CUDA source, kept, and run as a C++ compiler makes code of it."""

import ctypes
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

COMPILER = shutil.which(os.environ.get("CXX", "c++"))
HERE = Path(__file__).parent
FLAGS = ("-std=c++17", "-fPIC", "-w")

#: The sources of all kernels launched in this process, by the name that a kernel has in them.
LAUNCHED = {}

_DYNAMIC = re.compile(r"extern __shared__ (\w+) (\w+)\[\]")  # of 48 KiB at most
_LAUNCH = """
static void run(void** arguments) {{ launching::call({name}, arguments); }}
extern "C" void launch(void** arguments, unsigned blocks, unsigned threads) {{
    launching::launch(run, arguments, blocks, threads, {waits}, {flush});
}}
"""


class Kernel:
    """A kernel, by its name and the CUDA source in which it stands."""

    def __init__(self, name, source):
        self.name, self.source = name, source

    def __call__(self, blocks, threads, arguments):
        LAUNCHED.setdefault(self.name, set()).add(self.source)
        keep(self.name, self.source)
        if "<cub/" not in self.source:  # warps that add by NVIDIA's templates are compiled by NVRTC alone
            compiled(self.name, self.source)(ctypes.c_void_p(arguments), blocks, threads)


@cache
def folder():
    """Return a folder for what is compiled; processes share the one that `DIYNN_CUDA_ON_HOST` names."""
    place = Path(os.environ.get("DIYNN_CUDA_ON_HOST") or tempfile.mkdtemp(prefix="cuda_on_host_"))
    place.mkdir(exist_ok=True)
    return place


def named(name, text, suffix):
    return folder() / f"{name[:60]}-{sha256(text.encode()).hexdigest()[:16]}{suffix}"


def written(path, text):
    """Put a file in its place whole: another process may write the same."""
    part = path.with_name(f"{os.getpid()}-{path.name}")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
    return path


@cache
def keep(name, source):
    """Write a kernel's CUDA source beside its code for the host, for NVRTC."""
    written(named(name, source, ".cu"), source)


def built(path, *words):
    """Run the compiler for a file, put in its place whole."""
    part = path.with_name(f"{os.getpid()}-{path.name}")
    result = subprocess.run(
        [COMPILER, *FLAGS, "-o", str(part), *words], cwd=path.parent, capture_output=True, text=True
    )
    if result.returncode:
        raise RuntimeError(f"{path.name} does not compile for the host:\n{result.stderr}")
    part.replace(path)
    return path


@cache
def beginning():
    """Return what all kernels begin with, CuPy's arrays among it, compiled once."""
    arrays = Path(find_spec("cupy").origin).parent / "_core" / "include" / "cupy" / "carray.cuh"
    text = f'#include "{HERE / "launch.h"}"\n#include "{arrays}"\n'
    path = named("beginning", text + (HERE / "launch.h").read_text(encoding="utf-8"), ".h")
    if not path.with_suffix(".h.gch").exists():
        written(path, text)
        built(path.with_suffix(".h.gch"), "-O1", "-x", "c++-header", str(path))
    return path.name


def host_source(name, source):
    """Return C++ of a kernel's CUDA source, with a function `launch` that runs it."""
    lines = [line for line in source.splitlines() if not line.startswith("#include")]
    waits, flush = "__sync" in source, not re.search(r"\bdouble\b", source)
    lines = [_DYNAMIC.sub(r"static \1 \2[6144]", line) for line in lines]
    launch = _LAUNCH.format(name=name, waits=str(waits).lower(), flush=str(flush).lower())
    return "\n".join([f'#include "{beginning()}"', *lines, launch])


@cache
def compiled(name, source):
    """Return the C function that runs a kernel."""
    text = host_source(name, source)
    path = named(name, text, ".so")
    if not path.exists():
        built(path, "-O1", "-shared", str(written(path.with_suffix(".cpp"), text)))
    return ctypes.PyDLL(str(path)).launch  # one at a time: a kernel's place is a global variable


def load_products():
    """Load cuBLAS on the host for CuPy to find, with a refusal for every name that is asked for beside it."""
    source = (HERE / "products.cpp").read_text(encoding="utf-8")
    module = next(Path(find_spec("cupy_backends").origin).parent.glob("cuda/libs/cublas.*"))
    asked = {each.decode() for each in re.findall(rb"\0(cublas[A-Z]\w+)(?=\0)", module.read_bytes())}
    letters = "".join(source.replace("##letter##", letter) for letter in "SD")
    source += "".join(
        f'extern "C" int {name}() {{ fprintf(stderr, "the host has no {name}\\n"); return 15; }}\n'
        for name in sorted(asked)
        if f"{name}(" not in letters
    )
    path = named("products", source, ".so")
    if not path.exists():
        script = written(path.with_suffix(".map"), "libcublas.so.13 { global: *; };")
        text = written(path.with_suffix(".cpp"), source)
        words = "-Wl,-soname,libcublas.so.13", f"-Wl,--version-script={script}"
        built(path, "-O2", "-shared", *words, str(text))
    ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
