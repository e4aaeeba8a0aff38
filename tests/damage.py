# ruff: noqa: E501  # tables of damage, a line each
"""Files of parameters, damaged in every way that one can think of: ``python -m tests.damage 100000``.

What is loaded from a damaged file is what was saved, or nothing: it is refused by the one documented
exception, the net is as it was, and no more memory is taken than the file's arrays need, and 64 MB.
"""

from __future__ import annotations

import io
import json
import pickle
import random
import struct
import sys
import tempfile
import time
import tracemalloc
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

import diynn
from diynn.description import describe
from diynn.files.manifest import write_manifest
from diynn.files.recent import Recent
from diynn.files.tree import pack
from diynn.module import parameters
from diynn.states import joined, parts_of

MEMORY = 64 * 2**20
RECORD = ".beside.b"  # what is newer than a checkpoint


def make_net(seed=0):
    return diynn.Sequential(diynn.Linear(5, 7, rng=seed), diynn.Tanh(), diynn.Linear(7, 3, rng=seed + 1))


def values(net):
    return [each.value.tobytes() for each in parameters(net)]


def originals(folder):
    """Return the bytes of the same net in each format that is read."""
    net, found = make_net(), {}
    for name in ("net.npz", "net.safetensors"):
        if name.endswith("npz") or _has_safetensors():
            diynn.save(net, folder / name)
            found[name] = (folder / name).read_bytes()
    optim = diynn.Optim(net, diynn.MSELoss(), 1e-9, rule=diynn.Adam())
    x = np.ones((4, 5))
    optim.SGD(x, x[:, :3], 4, 1, rng=0, progress=False, checkpoint=folder / "run.npz")
    found["run.npz"] = (folder / "run.npz").read_bytes()
    recent = Recent(folder / "beside")
    recent.write("damage", "of", *parts_of(optim))
    recent.close()
    found[RECORD] = (folder / RECORD).read_bytes()
    return found


def _has_safetensors():
    try:
        import safetensors  # noqa: F401
    except ImportError:
        return False
    return True


# ------------------------------------------------------------------ ways to damage bytes


def flip(data, chance):
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def flips(data, chance):
    for _ in range(chance.randint(2, 40)):
        data = flip(data, chance)
    return data


def flip_in_the_directory(data, chance):
    start = max(0, data.rfind(b"PK\x01\x02", 0, len(data) - 60) - 200)
    return data[:start] + flip(data[start:], chance)


def flip_in_a_header(data, chance):
    places = [place for mark in (b"PK\x03\x04", b"\x93NUMPY", b"PK\x01\x02", b"PK\x05\x06")
              for place in range(len(data)) if data.startswith(mark, place)] or [0]  # fmt: skip
    start = chance.choice(places)
    return data[:start] + flip(data[start : start + 130], chance) + data[start + 130 :]


def number_in_a_header(data, chance):
    """Write an extreme number where a length, an offset or a count may stand."""
    place = chance.randrange(max(1, len(data) - 8))
    size = chance.choice([1, 2, 4, 8])
    number = chance.choice(
        [0, 1, 2 ** (8 * size) - 1, 2 ** (8 * size - 1), chance.randrange(2 ** (8 * size))]
    )
    return data[:place] + number.to_bytes(size, "little") + data[place + size :]


def cut(data, chance):
    return data[: chance.randrange(len(data))]


def cut_out(data, chance):
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randint(1, 200) :]


def insert(data, chance):
    place = chance.randrange(len(data))
    return data[:place] + chance.randbytes(chance.randint(1, 200)) + data[place:]


def repeat(data, chance):
    start = chance.randrange(len(data))
    part = data[start : start + chance.randint(1, 300)]
    return data[:start] + part + data[start:]


def zeros(data, chance):
    start, length = chance.randrange(len(data)), chance.randint(1, 4096)
    return data[:start] + bytes(len(data[start : start + length])) + data[start + length :]


def noise(data, chance):
    return chance.randbytes(chance.randint(0, 3000))


DAMAGES = [
    *(flip, flips, flip_in_the_directory, flip_in_a_header, number_in_a_header),
    *(cut, cut_out, insert, repeat, zeros, noise),
]


# ------------------------------------------------------------------ files that are made to harm


def packed(members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def header(text, version=1):
    text = text.encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text


def crafted_members(chance):
    """Return an archive of the net's names in which one member is something else."""
    good = [(f"{each.label}.npy", npy(each.value)) for each in parameters(make_net(5))]
    place = chance.randrange(len(good))
    name, shape = good[place][0], np.load(io.BytesIO(good[place][1])).shape
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    bad = chance.choice([
        npy(np.full(shape, "text")), npy(np.full(shape, None)), npy(np.ones(shape, complex)),
        npy(np.zeros(shape, "datetime64[s]")), npy(np.ones(shape, bool)), npy(np.ones(shape, ">f4")),
        npy(np.zeros(shape, [("a", "f8")])), npy(np.ones((*shape, 2))), npy(np.float64(3)), b"", b"\x93NUMPY",
        header(text), header(text) + b"\0" * 10**6, header(text.replace("(", "(1" + "0" * chance.randint(1, 40), 1)),
        header("(" * 9000), header("{'descr': " + "[" * 4000, 2), header(" " * 65000), header("__import__('os')"),
        header(text.replace("<f8", "<f7")), header(text.replace("f8", "f" + "8" * 300)), header(text, 9),
        header(text.replace("False", "True")) + chance.randbytes(8 * int(np.prod(shape))),
    ])  # fmt: skip
    changed = [*good[:place], (name, bad), *good[place + 1 :]]
    twice = [*good, (name, bad)]
    more = [*good, (chance.choice(["x.npy", "manifest.json", "../../x.npy", "/", "x.txt"]), bad)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile tells of names that are there twice
        return packed(chance.choice([changed, changed, twice, more]), chance.choice([0, 8, 12, 14]))


def bombs(chance):
    """Return a small file that unpacks to much, or tells of much."""
    text = "{'descr': '<f8', 'fortran_order': False, 'shape': (5, 7), }"
    kind = chance.randrange(5)
    if kind == 0:
        return packed([("0._parameters.npy", header(text) + bytes(2**24))], zipfile.ZIP_DEFLATED)
    if kind == 1:
        return packed([("manifest.json", b" " * 2**24)], zipfile.ZIP_DEFLATED)
    if kind == 2:
        return packed([(f"{number}.npy", b"") for number in range(chance.choice([3000, 30000]))])
    if kind == 3:
        return packed([("manifest.json", b"[" * chance.choice([10**3, 10**5, 10**6]))])
    return struct.pack("<Q", chance.choice([2**63, 10**8, 5])) + b'{"a":' * chance.choice([10, 10**5])


def crafted_manifest(chance):
    """Return a file whose manifest fits its sums, and describes something else."""
    net = make_net()
    arrays = {each.label: each.value for each in parameters(net)}
    found = json.loads(write_manifest("net", arrays, {"net": describe(net)}))
    for _ in range(chance.randint(1, 3)):
        spoil(found, chance)
    members = [(f"{name}.npy", npy(array)) for name, array in arrays.items()]
    return packed([*members, ("manifest.json", json.dumps(found))])


def spoil(tree, chance):
    """Change something somewhere in a tree of JSON."""
    while True:
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(tree[key], dict | list) and chance.random() < 0.8:
            tree = tree[key]
            continue
        tree[key] = chance.choice([
            None, -1, 0, 10**9, 10**30, 1e308, "", "Linear", "os.system", [], {}, [1] * 40, {"module": 0}, True,
            {"module": 99}, [{"module": 1}] * 50,
        ])  # fmt: skip
        return


CRAFTED = [crafted_members, crafted_members, crafted_manifest, bombs]


# ------------------------------------------------------------------ what happens to one


def look(path, wanted, into, *, watch_memory=False):
    """Load a damaged file in both ways; return what came of it: "same", "refused", or what is wrong."""
    outcome = "same"
    before = values(into)
    for way in ("into", "built"):
        if watch_memory:
            tracemalloc.start()
        try:
            net = diynn.load(into, path) if way == "into" else diynn.load(path)
            if values(net) != wanted:
                return f"loaded other values ({way})"
        except diynn.CheckpointError as error:
            outcome = "refused"
            if path.name not in str(error):
                return f"its message does not name the file: {error}"
            if way == "into" and values(into) != before:
                return "refused, and half applied"
        except Exception as error:
            return f"raised {type(error).__name__}: {error} ({way})"
        finally:
            if watch_memory:
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
        if watch_memory and peak > MEMORY:
            return f"took {peak / 2**20:.0f} MB"
    return outcome


def look_beside(path, wanted):
    """Read a damaged record; return what came of it."""
    try:
        newest = Recent(path.parent / "beside").newest("of")
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    return "refused" if newest is None else "same" if state(newest) == wanted else "loaded other values"


def state(newest):
    return pickle.dumps(pack("damage", joined(*newest)))


def trial(folder, sources, seed):
    """Damage a file by a seed; return the kind of damage and what came of it."""
    chance = random.Random(seed)
    into = make_net(50)
    if chance.random() < 0.85:
        name = chance.choice(list(sources))
        damage = chance.choice(DAMAGES)
        data = damage(sources[name], chance)
    else:
        damage, name = chance.choice(CRAFTED), "net.npz"
        data = damage(chance)
        if damage is bombs and _has_safetensors() and chance.random() < 0.3:
            name = "net.safetensors"
    path = folder / (name if name == RECORD else f"damaged-{name}")
    path.write_bytes(data)
    if name == RECORD:
        return f"{damage.__name__}, record", look_beside(path, RIGHT[name])
    outcome = look(path, RIGHT[name], into, watch_memory=seed % 16 == 0 or damage is bombs)
    if damage is crafted_members and outcome.startswith("loaded"):  # it was a whole file, of other values
        outcome = "same"
    return damage.__name__, outcome


RIGHT: dict[str, list[bytes] | bytes] = {}


def run(count, *, first=0):
    """Return how many trials had each outcome, by kind of damage, and what is wrong."""
    counts, wrong = Counter(), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = originals(folder)
        RIGHT[RECORD] = state(Recent(folder / "beside").newest("of"))
        for each in sources.keys() - {RECORD}:
            RIGHT[each] = values(diynn.load(make_net(9), folder / each))
        for seed in range(first, first + count):
            kind, outcome = trial(folder, sources, seed)
            known = outcome in ("same", "refused")
            counts[kind, outcome if known else "WRONG"] += 1
            if not known:
                wrong.append((seed, kind, outcome))
    return counts, wrong


if __name__ == "__main__":
    count, first = (*map(int, sys.argv[1:]), 0)[:2] if len(sys.argv) > 1 else (2000, 0)
    start = time.perf_counter()
    counts, wrong = run(count, first=first)
    for (kind, outcome), number in sorted(counts.items()):
        print(f"{kind:24} {outcome:8} {number:7}")
    print(f"{count} files in {time.perf_counter() - start:.0f} s; {len(wrong)} wrong")
    for each in wrong[:20]:
        print(*each)
    sys.exit(bool(wrong))
