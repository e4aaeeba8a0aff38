"""Judge and worker: their messages, the host and its client, and attempts to forge a verdict."""

import contextlib
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from diynn.checking.contract.class_info import Argument, ClassInfo
from diynn.checking.contract.host import ClassName, Handle, Host, Opaque, describe
from diynn.checking.contract.instance import HostInterface, Instance
from diynn.checking.contract.paths import Attribute
from diynn.checking.contract.raised import ProcessEnded, Raised
from diynn.checking.files import processes, wire
from diynn.checking.files.grade import Job, JudgePool, Limits, Plan, grade
from diynn.checking.files.judge import execute
from diynn.checking.files.remote import RemoteHost
from diynn.checking.reporting.results import Verdict
from tests.handed_in import find

SOLUTION = Path(__file__).parent / "zoo" / "files" / "solution.py"
HEAD = "import os, sys\nimport numpy as np\nfrom module import Module\n"
WRONG = (
    "class Tanh(Module):\n    def forward(self, X):\n        return np.tanh(X)\n"
    "    def backward_delta(self, input, delta):\n        return delta * (1 - np.tanh(input))\n"
)


# ---------------------------------------------------------------- messages


@pytest.fixture
def ends():
    near, far = socket.socketpair()
    near.settimeout(10)
    far.settimeout(10)
    with near, far:
        yield near, far


@pytest.mark.parametrize(
    "value",
    [None, True, 3, -1.5, float("inf"), "x", [1, [2.5, "a"]], (1, 2), {"a": [1]}, {1: "b"}, Handle(3),
     ClassName("Linear"), Opaque("object"), [Attribute("a"), 0, "key"],
     ClassInfo("Tanh", "t.py:1", (Argument("n", True, True), Argument("bias", False, True, True)),
          {"forward": "t.py:2"}, {"forward": 1}, frozenset({"forward"}), ("Module",))],
)  # fmt: skip
def test_values_arrive_as_they_were(ends, value):
    near, far = ends
    wire.send(near, value)
    got = wire.receive(far)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "u1", "?", ">f8"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 4), (2, 3, 4)])
def test_arrays_arrive_as_they_were(ends, dtype, shape):
    array = np.random.default_rng(0).normal(size=shape).astype(dtype)
    near, far = ends
    wire.send(near, [array])
    (got,) = wire.receive(far)
    assert got.dtype == array.dtype
    assert np.array_equal(got, array, equal_nan=True)


def test_an_array_that_does_not_lie_in_one_piece_arrives_so(ends):
    near, far = ends
    wire.send(near, np.arange(12.0).reshape(2, 6)[:, ::2])
    got = wire.receive(far)
    assert got.tolist() == [[0, 2, 4], [6, 8, 10]]
    assert not got.flags.c_contiguous
    assert not got.flags.f_contiguous


def test_steps_that_are_attributes_stay_so(ends):
    near, far = ends
    wire.send(near, (Attribute("modules"), 0, "key"))
    got = wire.receive(far)
    assert [type(each) for each in got] == [Attribute, int, str]


@pytest.mark.parametrize("value", [object(), print, np.array([object()]), np.array(["x"]), 1j])
def test_nothing_else_is_sent(ends, value):
    with pytest.raises(TypeError, match="over the wire"):
        wire.send(ends[0], value)


def message(text, body=b"", total=None, length=None):
    length = len(text) if length is None else length
    return wire._HEAD.pack(len(text) + len(body) if total is None else total, length) + text + body


@pytest.mark.parametrize(
    "content",
    [
        message(b"["), message(b'["array",["<f8",[3],0,24,false]]'),
        message(b'["array",["O",[1],0,8,false]]', b"12345678"),
        message(b'["array",["f8,f8",[1],0,8,false]]', b"12345678"), message(b'["run","x"]'),
        message(b'["class_info",["dict",[]]]'), message(b"[" * 100_000),
        message(b"", total=1 << 60, length=0), message(b"1", length=99), message(b"[\"list\",3]"),
        message(b"1") + b"2",
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_message_is_refused(ends, content):
    near, far = ends
    near.sendall(content)
    with pytest.raises(wire.MalformedMessage):
        wire.receive(far)


def test_a_closed_wire_is_told(ends):
    near, far = ends
    near.close()
    with pytest.raises(wire.ConnectionClosed):
        wire.receive(far)


# ---------------------------------------------------------------- the host and its client


def test_the_far_end_has_all_that_a_host_has():
    asked = [name for name in vars(HostInterface) if not name.startswith("_")]
    for name in asked:
        assert callable(getattr(Host, name))
        assert callable(getattr(RemoteHost, name))


@contextlib.contextmanager
def answered(answer):
    """Give the client of a host that answers every request with one value."""
    near, far = socket.socketpair()
    with near, far:
        wire.send(far, answer)
        yield RemoteHost(near, 5.0)


@pytest.mark.parametrize(
    ("answer", "key"),
    [(["memory", None], "memory"), (["answer", 3], "killed"), (3, "killed"), ([], "killed")],
)
def test_an_answer_of_another_type_is_the_end(answer, key):
    with answered(answer) as host, pytest.raises(ProcessEnded) as told:
        host.arrays(1)
    assert told.value.key == key


def test_what_the_other_side_raised_is_raised_here():
    answer = ["raised", ["forward", "raises", {"error": "ValueError", "text": "no"}]]
    with answered(answer) as host, pytest.raises(Raised) as told:
        host.call(1, "forward", [np.ones(2)])
    assert told.value.words == {"error": "ValueError", "text": "no"}


def test_no_answer_is_the_end_in_time():
    near, far = socket.socketpair()
    with near, far, pytest.raises(ProcessEnded, match="timeout"):
        RemoteHost(near, 0.1).has(1, "x")


def test_an_instance_that_nobody_holds_is_dropped():
    class Tanh:
        def forward(self, x):
            return np.tanh(x)

    host = Host({"Tanh": Tanh})
    instance = Instance.build(host, host.class_info("Tanh"))
    assert np.allclose(instance.array("forward", np.zeros(2)), 0)
    assert host._objects
    del instance
    assert not host._objects


@pytest.mark.parametrize(
    ("value", "told"),
    [(None, type(None)), (3, np.ndarray), ([1, 2], np.ndarray), ([[1], [2, 3]], Opaque), ("x", Opaque),
     ([np.ones(2), np.ones(3)], list), (object(), Opaque), (np.longdouble(1), np.ndarray), (1j, Opaque)],
)  # fmt: skip
def test_an_answer_is_described_and_never_handed_over(value, told):
    assert isinstance(describe(value), told)


# ---------------------------------------------------------------- processes


def test_a_class_is_judged_by_a_new_process_where_none_can_be_forked():
    launcher = processes.make_launcher(forks=False)
    lines = []
    order = {"path": str(SOLUTION), "top": str(SOLUTION.parent), "timeout": 60.0, "megabytes": 3072}
    try:
        execute(launcher, order, lambda **line: lines.append(line))
        assert "Softmax" in lines[0]["classes"]
        execute(
            launcher, {**order, "class": "Softmax", "draws": 1, "seed": 0}, lambda **line: lines.append(line)
        )
    finally:
        launcher.close()
    verdicts = [line["result"]["verdict"] for line in lines if "result" in line]
    assert len(verdicts) > 8
    assert set(verdicts) == {Verdict.PASSED}


def judged(tmp_path, text, name="Tanh", timeout=60.0):
    path = tmp_path / "student.py"
    path.write_text(HEAD + text)
    with JudgePool(Limits(timeout)) as pool:
        return pool.judge(Job(path, tmp_path, name))


FORGERIES = {
    "comparisons": "np.allclose = np.array_equal = lambda *a, **k: True\n",
    "the checker": (
        "import diynn.checking.diagnosis.closeness as c, diynn.checking.contract.verdicts as j\n"
        "c.close = lambda *a, **k: True\nj.look = None\n"
        "import diynn.checking.contract.trial as t\nt.close = lambda *a, **k: True\n"
    ),
    "lines": (
        "import json\nline = json.dumps({'result': {'property': 'delta', 'verdict': 'passed'}}) + '\\n'\n"
        "for i in range(64):\n    try: os.write(i, line.encode())\n    except OSError: pass\n"
    ),
    "an early end": "for i in range(3, 64):\n    try: os.close(i)\n    except OSError: pass\nos._exit(0)\n",
    "the host": (
        "import diynn.checking.contract.host as h\nh.Host.call = lambda self, *a: np.zeros(3)\n"
        "import diynn.checking.files.worker as w\nw.FileHost.call = lambda self, *a: None\n"
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_verdict_cannot_be_forged(tmp_path, forgery):
    inner = "".join(f"        {line}\n" for line in FORGERIES[forgery].splitlines())
    text = f"class Tanh(Module):\n    def __init__(self):\n{inner}" + WRONG.partition("\n")[2]
    assert not judged(tmp_path, text).ok
    # ... nor where the class body, which runs when it is defined, does it.
    body = "".join(f"    {line}\n" for line in FORGERIES[forgery].splitlines())
    assert not judged(tmp_path, "class Tanh(Module):\n" + body + WRONG.partition("\n")[2]).ok


def test_an_object_that_lies_about_itself_is_no_array(tmp_path):
    text = (
        "class Equal(np.ndarray):\n    def __eq__(self, other): return True\n    __array_priority__ = 1e9\n"
        "class Tanh(Module):\n    def forward(self, X):\n        return np.tanh(X)\n"
        "    def backward_delta(self, input, delta):\n        return np.zeros(delta.shape).view(Equal)\n"
    )
    assert judged(tmp_path, text).mistakes == ["any.zero"]


def test_a_file_is_parsed_within_the_limits_of_its_process(tmp_path):
    path = tmp_path / "long.py"
    path.write_text("x=1\n" * 240_000)
    (found,) = grade(find([path]), Plan(limits=Limits(0.5)))
    assert "stopped after 0.5 s" in found.problems[0].say("en")


def test_a_judge_that_dies_costs_one_verdict(tmp_path):
    path = tmp_path / "student.py"
    path.write_text(HEAD + WRONG)
    with JudgePool() as pool:
        pool.judge(Job(path, tmp_path, "Tanh"))
        judge = pool._free.get()
        judge._process.kill()
        pool._free.put(judge)
        assert "the judge itself" in str(pool.judge(Job(path, tmp_path, "Tanh")))
        assert pool.judge(Job(path, tmp_path, "Tanh")).mistakes == ["tanh.no_square"]


def test_results_come_one_class_at_a_time(tmp_path):
    (tmp_path / "a.py").write_text(HEAD + WRONG)
    (tmp_path / "b.py").write_text(HEAD + WRONG.replace("(1 - np.tanh(input))", "(1 - np.tanh(input) ** 2)"))
    seen = []
    found = grade(
        find([tmp_path]), workers=1, each=lambda file, report: seen.append((file.name, report and report.ok))
    )
    assert sorted(seen, key=str) == [("a.py", False), ("a.py", None), ("b.py", None), ("b.py", True)]
    assert seen.index(("a.py", False)) < seen.index(("a.py", None))  # when the file is done
    assert [file.ok for file in found] == [False, True]


@pytest.mark.skipif(sys.platform == "win32", reason="no fork there")
def test_the_first_process_knows_no_file(tmp_path):
    """A worker finds nothing of earlier classes in its memory."""
    secret = tmp_path / "first.py"
    secret.write_text(HEAD + "WORD = 'a-word-of-another-student'\n" + WRONG)
    spy = tmp_path / "second.py"
    spy.write_text(
        HEAD + "import gc\nclass Tanh(Module):\n    def forward(self, X):\n"
        "        found = [each for each in gc.get_objects() if isinstance(each, dict) and 'WORD' in each]\n"
        "        assert not found\n        return np.tanh(X)\n"
        "    def backward_delta(self, input, delta):\n        return delta * (1 - np.tanh(input) ** 2)\n"
    )
    with JudgePool() as pool:
        pool.judge(Job(secret, tmp_path, "Tanh"))
        assert pool.judge(Job(spy, tmp_path, "Tanh")).ok
