"""The backends as a parameter of tests, how much is drawn, and the table at the end of a run."""

import os
import sys
import tempfile
from collections import Counter, defaultdict
from functools import wraps

import pytest
from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_info

from tests.backends import APART, BACKENDS, find

# How long a draw takes is no property of the code tested here, and the machine may be busy.
settings.register_profile(
    "dev", max_examples=20, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("dev"), max_examples=200, derandomize=True)
settings.register_profile("mutation", settings.get_profile("dev"), max_examples=5, derandomize=True)
settings.register_profile("nightly", settings.get_profile("dev"), max_examples=20_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))

os.environ.pop("DIYNN_BACKEND", None)  # the tests say what they run on

# OpenBLAS's AVX-512 kernels for a float32 matrix of 5 columns times a vector add lanes that nobody has
# written. Their values are right, but NumPy may find the flag of an invalid operation raised.
KERNELS = {"SkylakeX", "Cooperlake", "SapphireRapids"}
FLAG = "ignore:invalid value encountered in (matmul|dot):RuntimeWarning"

CHOSEN = pytest.StashKey()


def pytest_addoption(parser):
    parser.addoption(
        "--backend",
        action="append",
        metavar="NAME[,NAME]",
        help=f"run on these array libraries alone: {', '.join(BACKENDS)} (default: all that are installed); "
        f"or on {', '.join(APART)}",
    )


def pytest_configure(config):
    options = config.getoption("--backend") or BACKENDS
    names = list(dict.fromkeys(name for option in options for name in option.split(",")))
    unknown = [name for name in names if name not in BACKENDS | APART]
    if unknown:
        known = ", ".join(BACKENDS | APART)
        raise pytest.UsageError(f"--backend: no {', '.join(unknown)}; there are {known}")
    if APART.keys() & set(names) and len(names) > 1:
        raise pytest.UsageError(f"--backend: {', '.join(APART)} can be asked for alone")
    config.stash[CHOSEN] = names
    if APART.keys() & set(names):  # before anything imports the library that it alters
        os.environ.setdefault("DIYNN_CUDA_ON_HOST", tempfile.mkdtemp(prefix="cuda_on_host_"))
        _, reason = find(names[0])
        if reason:  # a run that skips all would look like one that passes
            raise pytest.UsageError(f"--backend: {names[0]}: {reason}")
    if KERNELS & {each.get("architecture") for each in threadpool_info()}:
        config.addinivalue_line("filterwarnings", FLAG)


@pytest.fixture
def cupy(pytestconfig):
    """CuPy itself, on the host for this whole run."""
    if "cupy-host" not in pytestconfig.stash[CHOSEN]:
        pytest.skip("asked for by --backend cupy-host")
    return sys.modules["cupy"]


def pytest_generate_tests(metafunc):
    """Run a test that takes a ``backend`` once for each array library."""
    if "backend" not in metafunc.fixturenames:
        return
    parameters = []
    for name in metafunc.config.stash[CHOSEN]:
        library, reason = find(name)
        skip = [pytest.mark.skip(reason=reason)] if reason else []
        parameters.append(pytest.param(library or name, id=name, marks=skip))
    metafunc.parametrize("backend", parameters)


def pytest_collection_modifyitems(items):
    """Write backend and case into each report, by which they travel from the processes that run the tests."""
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        for name in ("backend", "layer", "case"):
            if name in parameters:
                item.user_properties.append((name, str(parameters[name])))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """Fail a property of a case that passes on fewer examples than the profile promises."""
    test = getattr(pyfuncitem.obj, "hypothesis", None)
    parameters = pyfuncitem.callspec.params if hasattr(pyfuncitem, "callspec") else {}
    if test is None or not {"layer", "case"} & parameters.keys():
        return (yield)
    inner, drawn = test.inner_test, []

    @wraps(inner)
    def counted(*arguments, **options):
        inner(*arguments, **options)
        drawn.append(None)

    test.inner_test = counted
    try:
        result = yield
    finally:
        test.inner_test = inner
    promised = settings().max_examples
    if len(drawn) < promised:
        pytest.fail(f"drew {len(drawn)} examples; the profile promises {promised}")
    return result


def pytest_terminal_summary(terminalreporter, config):
    """Write one line a backend: how many tests passed, how many did not run, and why."""
    counts, reasons = defaultdict(Counter), defaultdict(set)
    for outcome in ("passed", "failed", "error", "skipped", "xfailed"):
        for report in terminalreporter.stats.get(outcome, ()):
            name = dict(getattr(report, "user_properties", ())).get(
                "backend"
            )  # a module that cannot be collected has none
            counts[name][outcome] += 1
            if outcome == "skipped":
                reasons[name].add(str(report.longrepr[2]).removeprefix("Skipped: "))
    names = [name for name in config.stash[CHOSEN] if name in counts]
    if names:
        terminalreporter.section("backends")
    for name in names:
        line = ", ".join(f"{number} {outcome}" for outcome, number in counts[name].items())
        why = f" ({'; '.join(sorted(reasons[name]))})" if reasons[name] else ""
        terminalreporter.write_line(f"{name:<{max(map(len, BACKENDS | APART))}}  {line}{why}")
