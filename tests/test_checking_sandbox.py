"""Hostile files: nothing gets through the sandbox, and nobody else's verdict changes."""

import contextlib
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from diynn.checking import sandbox
from diynn.checking.files.grade import Job, JudgePool, Limits
from diynn.checking.sandbox import landlock, syscalls

pytestmark = pytest.mark.skipif(
    bool(sandbox.missing_features()), reason=f"this system lacks {sandbox.missing_features()}"
)

HEAD = "import ctypes, os, signal, sys, time\nimport numpy as np\nfrom module import Module\n"
RIGHT = (
    "class TanH(Module):\n    def forward(self, X):\n        return np.tanh(X)\n"
    "    def backward_delta(self, input, delta):\n        return delta * (1 - np.tanh(input) ** 2)\n"
)
CALL = (
    "def call(n, *a): return ctypes.pythonapi.syscall(ctypes.c_long(n), "
    "*[ctypes.c_long(x) if isinstance(x, int) else x for x in a])\n"
)
# What each hostile file does when its forward is called. VICTIM is a process outside, PARENT the worker's
# parent, SECRET a file of another student, CANARY a file that must not come to be, ESCAPE a program that
# makes it. `got` may hold what was read.
HOSTILE = {
    "kills its parent": "os.kill(PARENT, 9)",
    "stops its parent by a raw call": "call(62, PARENT, 19)",
    "signals by pidfd": "signal.pidfd_send_signal(os.pidfd_open(PARENT), 9)",
    "signals a victim by pidfd, raw": "fd = call(434, VICTIM, 0)\ncall(424, fd, 9, None, 0)",
    "signals every process": "call(62, -1, 9)",
    "signals a thread of another process": "call(200, VICTIM, 9)\ncall(234, VICTIM, VICTIM, 9)",
    "queues a signal": "info = ctypes.create_string_buffer(128)\ncall(129, VICTIM, 9, info)",
    "traces its parent": "assert call(101, 16, PARENT, 0, 0) < 0\ncall(101, 0x4206, PARENT, 0, 0)",
    "limits its parent": "new = (ctypes.c_ulong * 2)(1, 1)\ncall(302, PARENT, 0, new, None)",
    "limits its parent in Python": "import resource\nresource.prlimit(PARENT, resource.RLIMIT_CPU, (1, 1))",
    "runs a program by ctypes": "ctypes.pythonapi.system(ESCAPE.encode())",
    "runs a program by _posixsubprocess": (
        "import _posixsubprocess as p\nr, w = os.pipe()\n"
        "p.fork_exec([b'/bin/sh', b'-c', ESCAPE.encode()], [b'/bin/sh'], True, (), None, None, -1, -1, -1, "
        "-1, -1, -1, r, w, True, True, 0, None, None, None, -1, None, False)"
    ),
    "becomes a program": (
        "arguments = (ctypes.c_char_p * 4)(b'sh', b'-c', ESCAPE.encode(), None)\n"
        "call(59, ctypes.c_char_p(b'/bin/sh'), arguments, None)"
    ),
    "forks without end": (
        "while True:\n    n = call(57)\n    if n < 0: break\n    open(CANARY, 'a').write('x')"
    ),
    "clones by hand": "if call(56, 17, 0, 0, 0, 0) == 0:\n    open(CANARY, 'w')\n    time.sleep(9)",
    "clones by the newer call": "a = (ctypes.c_ulong * 8)()\nif call(435, a, 64) == 0: open(CANARY, 'w')",
    "leaves its session": "assert call(112) < 0 and call(109, 0, 0) < 0, 'moved'",
    "reads another student's file": "got = open(SECRET).read()",
    "reads it past Python": (
        "fd = call(257, -100, ctypes.c_char_p(SECRET.encode()), 0)\nb = ctypes.create_string_buffer(99)\n"
        "call(0, fd, b, 99)\ngot = b.value.decode()"
    ),
    "reads it through a link": "os.symlink(SECRET, 'link')\ngot = open('link').read()",
    "reads it through /proc": "got = open(f'/proc/{PARENT}/root{SECRET}').read()",
    "reads its parent's environment": "got = open(f'/proc/{PARENT}/environ').read()",
    "reads its parent's memory": (
        "b = ctypes.create_string_buffer(8)\nl = (ctypes.c_ulong * 2)(ctypes.addressof(b), 8)\n"
        "assert call(310, PARENT, l, 1, l, 1, 0) < 0"
    ),
    "reads who has an account": "got = 'hush ' + open('/etc/passwd').read()",
    "lists the others' folders": "got = 'hush ' + str(os.listdir(os.path.dirname(os.path.dirname(SECRET))))",
    "writes elsewhere": "open(CANARY, 'w')",
    "writes past Python": "call(257, -100, ctypes.c_char_p(CANARY.encode()), 65, 0o644)",
    "changes its own file": "open(OWN, 'a').write('# changed')",
    "removes another's file": "call(87, ctypes.c_char_p(SECRET.encode()))",
    "renames another's file": "call(82, ctypes.c_char_p(SECRET.encode()), ctypes.c_char_p(CANARY.encode()))",
    "changes another's mode": "call(90, ctypes.c_char_p(SECRET.encode()), 0)",
    "makes folders without end": (
        "for n in range(5000):\n    call(83, ctypes.c_char_p(b'd'), 511)\n    os.chdir('d')"
    ),
    "opens a connection": "fd = call(41, 2, 1, 0)\nassert fd < 0, 'hush, a socket'",
    "opens io_uring": "p = ctypes.create_string_buffer(120)\nassert call(425, 4, p) < 0, 'hush, io_uring'",
    "mounts": "assert call(165, b'x', b'/', b'tmpfs', 0, None) < 0, 'hush, mounted'",
    "leaves for another namespace": "assert call(272, 0x10000000) < 0, 'hush, unshared'",
    "sends escape sequences": "raise ValueError('\\x1b]0;hush\\x07\\x1b[2Jhush\\r\\n\\u202e' + 'x' * 9000)",
    "prints without end": "for n in range(10_000): print('x' * 1000)",
    "closes all it has": "os.closerange(0, 64)",
    "writes to all it has": (
        "for n in range(64):\n    try: os.write(n, b'\\xff' * 4096)\n    except OSError: pass"
    ),
    "loops without end": "while True: pass",
    "takes all memory": "held = []\nwhile True: held.append(bytearray(1 << 24))",
}  # fmt: skip


def hostile(text, **names):
    """Return a file that does this when its forward is called, and raises what it got."""
    given = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    attack = f"{given}PARENT = os.getppid()\n{CALL}got = None\n{text}\nif got: raise ValueError(got)\n"
    body = "".join(f"        {line}\n" for line in attack.splitlines())
    return HEAD + RIGHT.replace("        return np.tanh(X)\n", body + "        return np.tanh(X)\n")


@pytest.fixture(scope="module")
def pool():
    with JudgePool(Limits(3.0)) as pool:
        yield pool


@pytest.fixture
def victim():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()
    process.stdin.close()


def children(number):
    """Return the processes below one, by their numbers."""
    with contextlib.suppress(OSError):
        own = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        return {int(each) for each in own}.union(*(children(int(each)) for each in own))
    return set()


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_gets_through_the_sandbox(tmp_path, pool, victim, name):
    if platform.machine() != "x86_64" and "call(" in HOSTILE[name]:
        pytest.skip("the numbers of raw calls are those of x86-64")
    alice, mallory = tmp_path / "alice", tmp_path / "mallory"
    alice.mkdir()
    mallory.mkdir()
    secret, canary, own = alice / "tanh.py", tmp_path / "canary", mallory / "tanh.py"
    good = Job(secret, alice, "TanH")
    secret.write_text(HEAD + RIGHT + "# hush\n")
    assert pool.judge(good).ok
    before = secret.stat()
    own.write_text(
        hostile(HOSTILE[name], VICTIM=victim.pid, SECRET=str(secret), CANARY=str(canary), OWN=str(own),
                ESCAPE=f"echo x > {canary}")
    )  # fmt: skip
    text = own.read_text()
    judge = pool._free.get()
    pool._free.put(judge)
    running = children(judge._process.pid)
    start = time.monotonic()
    report = pool.judge(Job(own, mallory, "TanH"))
    said = "".join(result.say("en") for result in report.results)
    print(said[:200])
    assert "hush" not in said or name == "sends escape sequences", said
    assert all(sign.isprintable() for sign in said), ascii(said)
    assert len(said) < 4000
    assert not canary.exists()
    assert own.read_text() == text
    after = secret.stat()
    assert (after.st_mode, after.st_size, after.st_mtime) == (before.st_mode, before.st_size, before.st_mtime)
    assert victim.poll() is None
    assert "State:\tS" in Path(f"/proc/{victim.pid}/status").read_text()
    assert time.monotonic() - start < 15
    assert children(judge._process.pid) == running  # nothing is left, and the first process still there
    assert pool.judge(good).ok
    assert judge is pool._free.get()
    pool._free.put(judge)


@pytest.mark.parametrize(
    "name", ["reads another student's file", "writes elsewhere", "writes past Python", "signals by pidfd",
             "stops its parent by a raw call", "runs a program by ctypes", "clones by hand"],
)  # fmt: skip
def test_without_the_sandbox_these_files_do_what_they_set_out_to(tmp_path, victim, name):
    """The control: what the sandbox refuses is not refused by a mistake in the attack."""
    if platform.machine() != "x86_64":
        pytest.skip("the numbers of raw calls are those of x86-64")
    (tmp_path / "secret").write_text("hush")
    canary = tmp_path / "canary"
    names = {
        "SECRET": str(tmp_path / "secret"), "CANARY": str(canary), "PARENT": victim.pid,
        "ESCAPE": f"echo x > {canary}",
    }  # fmt: skip
    code = "import ctypes, os, signal, time\n" + "".join(
        f"{key} = {value!r}\n" for key, value in names.items()
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{code}{CALL}got = ''\n{HOSTILE[name]}\nprint(got, flush=True)"],
        capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    for _ in range(100):
        state = Path(f"/proc/{victim.pid}/status").read_text()
        if "hush" in done.stdout or canary.exists() or "State:\tS" not in state:
            return
        time.sleep(0.01)
    raise AssertionError("the attack does nothing even without the sandbox")


def test_the_sandbox_says_what_a_system_lacks(monkeypatch):
    monkeypatch.setattr(landlock, "version", lambda: 0)
    assert sandbox.missing_features() == "Landlock"
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert sandbox.missing_features() == "Landlock, seccomp"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "darwin" in sandbox.missing_features()


def test_the_numbers_of_calls_are_those_of_this_kernel():
    """The C library knows them by name."""
    if platform.machine() not in syscalls.ARCHITECTURES:
        pytest.skip("no table")
    header = next((path for path in Path("/usr/include").rglob("unistd_64.h")), None)
    if header is None:
        pytest.skip("the kernel's headers are not installed")
    known = dict(
        line.split()[1:3] for line in header.read_text().splitlines() if line.startswith("#define __NR_")
    )
    table = syscalls._X86_64 if platform.machine() == "x86_64" else syscalls._AARCH64
    for name, number in table.items():
        assert int(known[f"__NR_{name}"]) == number, name
