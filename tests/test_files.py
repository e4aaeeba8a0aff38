# ruff: noqa: E501  # tables of messages, a line each
"""Files of parameters: replaced in one instant, judged before anything is changed, read by other libraries."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import diynn
from diynn.description import CLASSES
from diynn.files import atomic
from diynn.module import Module, parameters
from tests import damage
from tests.cases import LAYERS
from tests.students import normal

ROOT = Path(__file__).parents[1]
NAMES = ["net.npz", "net.safetensors"]
posix = pytest.mark.skipif(os.name != "posix", reason="a folder's permissions, fork and pipes are POSIX's")


@pytest.fixture(params=NAMES)
def path(request, tmp_path):
    if request.param.endswith("safetensors"):
        pytest.importorskip("safetensors")
    return tmp_path / request.param


def net(seed=0, dtype="float32"):
    new = {"rng": seed, "dtype": dtype}
    return diynn.Sequential(
        diynn.Conv1D(3, 1, 4, **new), diynn.MaxPool1D(2, 2), diynn.Flatten(), diynn.Linear(16, 5, **new),
        diynn.Dropout(0.2), diynn.Tanh(), diynn.Linear(5, 2, bias=False, **new),
    )  # fmt: skip


X = normal(4, 10, 1).astype("float32")


def same(one, other):
    return all(
        np.array_equal(a.value, b.value) and a.value.dtype == b.value.dtype and a.label == b.label
        for a, b in zip(parameters(one), parameters(other), strict=True)
    )


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path, content, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


# ------------------------------------------------------------------ written and read


def test_what_was_saved_is_loaded_to_the_bit(path):
    made, other = net(0), net(1)
    diynn.save(made, path)
    assert diynn.load(other, path) is other
    assert same(made, other)
    assert os.listdir(path.parent) == [path.name]


def test_the_same_net_gives_the_same_file(tmp_path):
    path = tmp_path / "net.npz"  # the library of safetensors writes its metadata in any order
    diynn.save(net(), path)
    first = path.read_bytes()
    diynn.save(net(), path)
    assert path.read_bytes() == first


def test_other_libraries_read_it(path):
    made = net()
    diynn.save(made, path)
    if path.suffix == ".npz":
        found = dict(np.load(path, allow_pickle=False))
        manifest = json.loads(found.pop("manifest.json"))
    else:
        from safetensors.numpy import load_file

        found = load_file(path)
        (length,) = struct.unpack("<Q", path.read_bytes()[:8])
        metadata = json.loads(path.read_bytes()[8 : 8 + length])["__metadata__"]
        manifest = json.loads(metadata["diynn.manifest"])
    assert found.keys() == manifest["arrays"].keys() == {each.label for each in parameters(made)}
    for each in parameters(made):
        np.testing.assert_array_equal(found[each.label], each.value)
        listed = manifest["arrays"][each.label]
        assert (tuple(listed["shape"]), listed["dtype"]) == (each.value.shape, each.value.dtype.str)


def test_files_of_version_0_1_are_read(tmp_path):
    made, other = net(), net(1)
    made[3]._parameters = np.asfortranarray(made[3]._parameters)  # as a transposed weight was written
    with open(tmp_path / "net.weights", "wb") as file:  # what `save` was
        np.savez(file, **{each.label: each.value for each in parameters(made)})
    diynn.load(other, tmp_path / "net.weights")
    assert same(made, other)
    np.savez_compressed(tmp_path / "packed.npz", **{each.label: each.value for each in parameters(made)})
    diynn.load(changed := net(2), tmp_path / "packed.npz")
    assert same(made, changed)


def test_a_net_is_built_from_its_file(path):
    made = net()
    diynn.save(made, path)
    built = diynn.load(path)
    assert repr(built) == repr(made)
    assert same(built, made)
    np.testing.assert_array_equal(diynn.predict(built, X), diynn.predict(made, X))
    assert diynn.load(path, backend="array_api_strict")[0]._parameters.device is not None


def test_a_net_that_shares_modules_is_built_sharing_them(path):
    encoder, tanh = diynn.Linear(4, 3, rng=0), diynn.Tanh()
    made = diynn.Sequential(
        encoder, tanh, diynn.Sequential(diynn.Transposed(encoder, bias=False), tanh), tanh
    )
    diynn.save(made, path)
    built = diynn.load(path)
    assert built[2][0].linear is built[0]
    assert built[1] is built[2][1] is built[3]
    assert repr(built) == repr(made)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_every_layer_is_described(layer, tmp_path):
    made = layer.build(lambda low, high: high)
    diynn.save(made, tmp_path / "net.npz")
    built = diynn.load(tmp_path / "net.npz")
    assert repr(built) == repr(made)
    assert same(built, made)


def test_the_table_of_classes_is_that_of_the_layers():
    public = {value.__name__ for value in vars(diynn).values()
              if isinstance(value, type) and issubclass(value, Module) and value is not Module}  # fmt: skip
    assert public == set(CLASSES)


class Own(diynn.Module):
    def forward(self, data):
        return data


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (
            lambda: diynn.Sequential(diynn.Linear(2, 2), Own()),
            "Own is no class of diynn's own, or was changed",
        ),
        (lambda: tied(), "`2._parameters` shares its memory with another array|`0._parameters` shares"),
        (lambda: patched(), "Tanh is no class of diynn's own, or was changed"),
    ],
)
def test_a_net_that_cannot_be_described_says_why(make, why, tmp_path):
    diynn.save(made := make(), tmp_path / "net.npz")
    message = rf"load: .*net.npz' cannot be loaded: it does not say what the net is made of \((?:{why})"
    with pytest.raises(diynn.CheckpointError, match=message):
        diynn.load(tmp_path / "net.npz")
    diynn.load(made, tmp_path / "net.npz")


def tied():
    encoder, decoder = diynn.Linear(3, 2, rng=0), diynn.Linear(2, 3, rng=1)
    decoder._parameters = encoder._parameters.T
    return diynn.Sequential(encoder, diynn.Tanh(), decoder)


def patched():
    made = diynn.Sequential(diynn.Tanh(), diynn.Linear(2, 2))
    made[0].forward = lambda data: data
    return made


def test_weights_that_are_tied_stay_tied(path):
    diynn.save(tied(), path)
    diynn.load(other := tied(), path)
    assert np.shares_memory(other[0]._parameters, other[2]._parameters)


def test_the_checkpoint_of_a_training_is_a_file_of_its_net(tmp_path):
    made = diynn.Linear(3, 1, rng=0)
    x = normal(8, 3)
    options = {"checkpoint": tmp_path / "run.npz", "progress": False, "rule": diynn.Adam()}
    diynn.SGD(made, diynn.MSELoss(), x, x[:, :1], 4, 2, rng=0, **options)
    assert same(diynn.load(tmp_path / "run.npz"), made)
    assert same(diynn.load(diynn.Linear(3, 1), tmp_path / "run.npz"), made)


def test_numbers_are_converted_to_the_dtype_of_the_net_where_they_fit(path):
    diynn.save(made := net(dtype="float64"), path)
    diynn.load(other := net(1), path)
    for one, two in zip(parameters(made), parameters(other), strict=True):
        np.testing.assert_array_equal(one.value.astype("float32"), two.value)
    made[3]._parameters[0, 0] = 1e300
    diynn.save(made, path)
    with pytest.raises(diynn.CheckpointError, match=r"`3._parameters` has numbers that are out of the range"):
        diynn.load(other, path)


# ------------------------------------------------------------------ refused, and nothing changed


def refused(path, message, into=None):
    into = net(7) if into is None else into
    before = [each.value.copy() for each in parameters(into)]
    with pytest.raises(diynn.CheckpointError, match=message) as caught:
        diynn.load(into, path)
    assert "load: " in str(caught.value)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    for each, value in zip(parameters(into), before, strict=True):
        np.testing.assert_array_equal(each.value, value)


def test_a_file_of_another_net_is_refused(path):
    diynn.save(diynn.Sequential(diynn.Linear(4, 2)), path)
    refused(path, r"the parameters are of another net: missing \['3._bias', .* unknown \[\]")
    refused(
        path, r"`0._parameters` must have shape \(4, 3\), got \(4, 2\)", diynn.Sequential(diynn.Linear(4, 3))
    )


BAD = {
    "text": (np.full((5, 2), "word"), r"`6._parameters` must hold real numbers, got text \('<U4'\)"),
    "bytes": (np.full((5, 2), b"word"), r"got text \('\|S4'\)"),
    "objects": (np.full((5, 2), None), r"got objects \('\|O'\)"),
    "complex": (np.ones((5, 2), complex), r"got complex numbers \('<c16'\)"),
    "dates": (np.zeros((5, 2), "M8[s]"), r"got dates \('<M8\[s\]'\)"),
    "spans": (np.zeros((5, 2), "m8[s]"), r"got time spans \('<m8\[s\]'\)"),
    "records": (np.zeros((5, 2), [("a", "f8")]), r"got something else \(\[\('a', '<f8'\)\]\)"),
    "long": (np.zeros((5, 2), "g"), r"got something else|size"),
    "integers": (np.ones((5, 2), int), r"`6._parameters` must hold real numbers with a point, got int64"),
    "truth": (np.ones((5, 2), bool), r"must hold real numbers with a point, got bool"),
    "a shape": (np.ones((5, 3)), r"`6._parameters` must have shape \(5, 2\), got \(5, 3\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_members_that_are_no_arrays_of_real_numbers_are_refused(name, tmp_path):
    array, message = BAD[name]
    arrays = {each.label: each.value for each in parameters(net())}
    np.savez(tmp_path / "net.npz", **arrays | {"6._parameters": array})
    refused(tmp_path / "net.npz", message)


def header(text):
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text.encode()


GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 2), }\n"
CHANGED = {
    "nothing": (b"", r"`6._parameters` is shorter than it says"),
    "no array": (b"PK-no-array", r"`6._parameters` is no array of NumPy's format"),
    "a later version": (b"\x93NUMPY\x09\0" + bytes(80), r"`6._parameters` is no array of NumPy's format"),
    "a header of code": (header("{'descr': __import__('os')}\n"), r"has a header that NumPy does not write"),
    "a header that is deep": (header("(" * 4000 + "\n"), r"has a header that NumPy does not write"),
    "a header without end": (header(" " * 60000), r"`6._parameters` has a header of 60000 bytes"),
    "a shape without end": (header(GOOD.replace("5", "5" * 30)), r"has another size than its shape"),
    "too few values": (header(GOOD) + bytes(39), r"has another size than its shape \(5, 2\)"),
    "too many values": (header(GOOD) + bytes(41), r"has another size than its shape \(5, 2\)"),
    "no such dtype": (header(GOOD.replace("f4", "f1")) + bytes(10), r"must hold real numbers, got '<f1'"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGED)
def test_members_that_are_made_by_hand_are_refused(name, tmp_path):
    data, message = CHANGED[name]
    np.savez(tmp_path / "net.npz", **{each.label: each.value for each in parameters(net())})
    content = members(tmp_path / "net.npz") | {"6._parameters.npy": data}
    refused(pack(tmp_path / "net.npz", content), message)


def test_archives_that_are_made_by_hand_are_refused(tmp_path):
    path = tmp_path / "net.npz"
    diynn.save(net(), path)
    content = members(path)
    refused(pack(path, content | {"x.txt": b""}), r"`x.txt` is no array")
    refused(
        pack(path, content | {"x.npy": content["0._bias.npy"]}), r"`x` is there, and the manifest does not"
    )
    refused(pack(path, {name: content[name] for name in list(content)[1:]}), "`0._parameters` is missing")
    refused(pack(path, content, compression=zipfile.ZIP_LZMA), "is packed in a way that NumPy does not")
    with zipfile.ZipFile(path, "w") as archive:
        for name in content:
            archive.writestr(name, content[name])
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("0._bias.npy", content["0._bias.npy"])
    refused(path, "`0._bias` is there twice")
    swapped = content | {"0._bias.npy": content["0._bias.npy"][:-1] + b"\x7f"}
    refused(pack(path, swapped), r"`0._bias` has other values than were written: their sum is another")
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(60_000):
            archive.writestr(f"{number}.npy", b"")
    refused(path, r"its directory of \d+ bytes is none|its directory is too long")
    path.write_bytes(b"")
    refused(path, "is damaged or of another format: File is not a zip file")


def change(manifest, **changes):
    return manifest | changes


def other(manifest, **changes):
    name = "6._parameters"
    return manifest | {"arrays": manifest["arrays"] | {name: manifest["arrays"][name] | changes}}


MANIFESTS = {
    "a later version": (lambda m: change(m, version=2), "format is version 2, and this diynn reads version 1"),
    "somebody else's": (lambda m: change(m, format="x"), "the manifest is none of diynn's"),
    "a list": (lambda m: [m], "the manifest is none of diynn's"),
    "no arrays": (lambda m: change(m, arrays=3), "the manifest lists no arrays"),
    "of another kind": (lambda m: change(m, kind="cake"), "the manifest lists no arrays"),
    "no description": (lambda m: other(m, more=1), "the manifest does not describe `6._parameters`"),
    "another shape": (lambda m: other(m, shape=[10]), r"`6._parameters` is \(5, 2\) float32, and its manifest says \(10,\)"),
    "another dtype": (lambda m: other(m, dtype="<f8"), r"and its manifest says \(5, 2\) float64"),
    "no shape": (lambda m: other(m, shape=[-1]), "`6._parameters` has no shape"),
    "a huge shape": (lambda m: other(m, shape=[2**40, 2**40]), "`6._parameters` is larger than any array"),
    "text": (lambda m: other(m, dtype="<U8"), "`6._parameters` must hold real numbers, got '<U8'"),
    "no sum": (lambda m: other(m, sha256="0"), "the manifest has no sum of `6._parameters`"),
    "another sum": (lambda m: other(m, sha256="0" * 64), "`6._parameters` has other values than were written"),
}  # fmt: skip


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests_that_are_made_by_hand_are_refused(name, tmp_path):
    path, (spoil, message) = tmp_path / "net.npz", MANIFESTS[name]
    diynn.save(net(), path)
    content = members(path)
    content["manifest.json"] = json.dumps(spoil(json.loads(content["manifest.json"]))).encode()
    refused(pack(path, content), message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"format": "diynn", "format": "diynn"}', "`format` is there twice"),
        ("[" * 100_000, "a text in it cannot be read"),
        ("{", "a text in it cannot be read"),
        (" " * 5_000_000, "its manifest is too long to be one"),
    ],
)
def test_texts_that_are_no_manifest_are_refused(text, message, tmp_path):
    diynn.save(net(), tmp_path / "net.npz")
    content = members(tmp_path / "net.npz") | {"manifest.json": text}
    refused(pack(tmp_path / "net.npz", content, compression=zipfile.ZIP_DEFLATED), message)


MODULES = {
    "a class of Python's": ([{"class": "os.system"}], "module 1 of its description is of no class of diynn's"),
    "no class": ([3], "module 1 of its description is of no class of diynn's"),
    "an argument too many": ([{"class": "Tanh", "x": 1}], "module 1 .*: Tanh is not described by x"),
    "a law": ([{"class": "Linear", "in_features": 1, "out_features": 1, "init": "he"}], "not described by init"),
    "no argument": ([{"class": "Linear"}], "`in_features`, `out_features` not given"),
    "a size below 1": ([{"class": "Linear", "in_features": 0, "out_features": 1}], "must be a positive integer, got 0"),
    "a size without end": ([{"class": "Linear", "in_features": 10**6, "out_features": 10**6}], "more parameters than there are in the file"),
    "a module after it": ([{"class": "Sequential", "modules": [{"module": 1}]}, {"class": "Tanh"}], "no module 1 before it"),
    "a net without end": (
        [{"class": "Tanh"}, *({"class": "Sequential", "modules": [{"module": k}] * 2} for k in range(30))],
        "more than 10000 layers in series",
    ),
    "another net": ([{"class": "Tanh"}], r"the parameters are of another net: missing \[\], unknown"),
    "nothing": ([], "it does not say what the net is made of"),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_descriptions_that_are_made_by_hand_are_refused(name, tmp_path):
    path, (modules, message) = tmp_path / "net.npz", MODULES[name]
    diynn.save(net(), path)
    content = members(path)
    manifest = json.loads(content["manifest.json"]) | {"net": {"modules": modules}}
    with pytest.raises(diynn.CheckpointError, match=message):
        diynn.load(pack(path, content | {"manifest.json": json.dumps(manifest)}))


def test_tensors_that_are_made_by_hand_are_refused(tmp_path):
    tensors = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "net.safetensors"
    diynn.save(net(), path)
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    text, rest = data[8 : 8 + length], data[8 + length :]

    def write(text):
        path.write_bytes(struct.pack("<Q", len(text)) + text + rest)

    path.write_bytes(struct.pack("<Q", 10**8) + data[8:])
    refused(path, "its header of 100000000 bytes is none")
    write(b"[]")
    refused(path, "its header is none")
    write(text.replace(b"diynn.sha256", b"diynn.sha255"))
    refused(path, "its manifest has another sum than was written with it")
    write(text.replace(b'\\"version\\": 1', b'\\"version\\": 2'))
    refused(path, "its manifest has another sum than was written with it")
    write(text.replace(b'"6._parameters":{', b'"0._bias":{'))
    refused(path, "`0._bias` is there twice")
    path.write_bytes(data[:-1])
    refused(path, "safetensors says: ")
    path.write_bytes(data[:-1] + b"\x7f")
    refused(path, "has other values than were written")
    tensors.save_file({"0._parameters": np.zeros((2, 2), "float32")}, path)
    refused(path, "the parameters are of another net")
    path.write_bytes(
        struct.pack("<Q", 61) + b'{"a":{"dtype":"F8_E5M2","shape":[1],"data_offsets":[0,1]}}   ' + b"1"
    )
    refused(path, "`a` must hold numbers that NumPy has, got F8_E5M2")


def test_without_the_library_of_tensors_its_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    (tmp_path / "net.safetensors").write_bytes(b"")
    for call in (diynn.save, diynn.load):
        with pytest.raises(ImportError, match=r"pip install 'diynn\[safetensors\]'"):
            call(net(), tmp_path / "net.safetensors")
    assert os.listdir(tmp_path) == ["net.safetensors"]


@posix
def test_a_pipe_and_a_folder_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "net.npz")
    refused(tmp_path / "net.npz", "it is no regular file")
    refused(tmp_path, "it is no regular file")
    with pytest.raises(OSError, match=r"save: '.*net.npz' must be a file, and is none that can be replaced"):
        diynn.save(net(), tmp_path / "net.npz")


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        diynn.load(net(), tmp_path / "net.npz")
    with pytest.raises(TypeError, match="load: `net` must be a module, got 3"):
        diynn.load(3, tmp_path / "net.npz")


def test_damaged_files_are_refused_or_the_same():
    """2,000 where CI is set; CONTRIBUTING.md has the command for more."""
    counts, wrong = damage.run(2000 if os.environ.get("CI") else 200)
    assert wrong == []
    assert {outcome for _, outcome in counts} == {"same", "refused"}


# ------------------------------------------------------------------ whatever happens while saving


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_beside(moment, path, monkeypatch):
    diynn.save(made := net(), path)

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    if moment == "write":
        monkeypatch.setattr("diynn.files.stored.write_npz", fail)
        monkeypatch.setattr("diynn.files.stored.write_tensors", fail)
    else:
        monkeypatch.setattr(atomic.os, moment, fail)
    with pytest.raises(OSError, match="No space left"):
        diynn.save(net(1), path)
    monkeypatch.undo()
    assert os.listdir(path.parent) == [path.name]
    assert same(diynn.load(net(2), path), made)


def test_what_a_killed_process_left_is_gone_with_the_next_save(path):
    diynn.save(net(), path)
    (path.parent / f".{path.name}.part").write_bytes(b"x" * 100_000)
    diynn.save(net(1), path)
    assert os.listdir(path.parent) == [path.name]
    assert same(diynn.load(path), net(1))


@posix
def test_a_link_and_the_permissions_stay(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere" / "real.npz", tmp_path / "net.npz")
    diynn.save(net(), tmp_path / "net.npz")
    os.chmod(tmp_path / "net.npz", 0o600)
    diynn.save(net(1), tmp_path / "net.npz")
    assert (tmp_path / "net.npz").is_symlink()
    assert os.listdir(tmp_path / "elsewhere") == ["real.npz"]
    assert (tmp_path / "elsewhere" / "real.npz").stat().st_mode & 0o777 == 0o600
    assert same(diynn.load(tmp_path / "net.npz"), net(1))


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_leaves_the_old_file(tmp_path):
    diynn.save(net(), tmp_path / "net.npz")
    os.chmod(tmp_path, 0o500)
    try:
        with pytest.raises(PermissionError):
            diynn.save(net(1), tmp_path / "net.npz")
    finally:
        os.chmod(tmp_path, 0o700)
    assert same(diynn.load(tmp_path / "net.npz"), net())


@posix
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, who becomes somebody"
)
def test_a_folder_of_somebody_else_leaves_the_old_file(tmp_path):
    diynn.save(net(), tmp_path / "net.npz")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        os.chmod(folder, 0o755)
    os.chmod(tmp_path / "net.npz", 0o644)

    code = "import os, sys, diynn\nnet = diynn.Linear(2, 2)\nos.setuid(65534)\ndiynn.save(net, sys.argv[1])"
    code = f"import diynn.files.stored\n{code}"  # Python's own files may be out of reach for somebody else
    assert "PermissionError" in process(code, tmp_path / "net.npz")
    assert os.listdir(tmp_path) == ["net.npz"]
    assert same(diynn.load(tmp_path / "net.npz"), net())


@posix
def test_a_disk_that_is_full_leaves_the_old_file(tmp_path):
    """A file system of 64 kB where one may be mounted; else a limit on the size of files."""
    small = diynn.Linear(60, 60, rng=0)
    where = tmp_path / "disk"
    where.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(where)]
    mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0
    try:
        diynn.save(small, where / "net.npz")

        limit = "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" \
                "resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))\n"  # fmt: skip
        code = "import sys, diynn\ndiynn.save(diynn.Linear(100, 100, rng=0), sys.argv[1])"
        message = process(code if mounted else limit + code, where / "net.npz")
        assert "No space left" in message or "File too large" in message
        assert os.listdir(where) == ["net.npz"]
        assert same(diynn.load(where / "net.npz"), small)
    finally:
        if mounted:
            subprocess.run(["umount", str(where)], check=True)


@posix
def test_processes_killed_while_saving_lose_nothing():
    """50 where CI is set; CONTRIBUTING.md has the command for more."""
    count = "50" if os.environ.get("CI") else "16"
    command = [sys.executable, "-m", "tests.kills", "saving", count]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert f"{count} kills while saving: 0 files lost, 0 stray files" in result.stdout, result.stderr


@posix
def test_two_processes_that_save_at_once_take_turns(tmp_path):
    path = tmp_path / "net.npz"
    code = "import sys, diynn\nfrom tests.kills import constant_net\n" \
           "for _ in range(40): diynn.save(constant_net(float(sys.argv[2])), sys.argv[1])"  # fmt: skip
    commands = [[sys.executable, "-c", code, str(path), number] for number in ("1", "2")]
    children = [subprocess.Popen(command, cwd=ROOT) for command in commands]
    assert [child.wait(120) for child in children] == [0, 0]
    found = {float(value) for each in parameters(diynn.load(path)) for value in np.unique(each.value)}
    assert found in ({1.0}, {2.0})
    assert os.listdir(tmp_path) == ["net.npz"]


def process(code, path):
    """Run a program that fails; return what it says."""
    result = subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    return result.stderr


def test_a_bomb_takes_no_memory(tmp_path):
    """In a process of its own, whose memory is the system's to measure: a file of 200 kB that unpacks to 200 MB."""
    resource = pytest.importorskip("resource")
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("0._parameters.npy", "w") as file,
    ):
        file.write(header("{'descr': '<f8', 'fortran_order': False, 'shape': (25000000,), }\n"))
        for _ in range(25 * 8):
            file.write(bytes(10**6))
    (tmp_path / "net.npz").write_bytes(buffer.getvalue())
    assert len(buffer.getvalue()) < 300_000
    code = """
import resource, sys, diynn
from diynn.files import stored
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    diynn.load(diynn.Linear(3, 3), sys.argv[1])
except diynn.CheckpointError as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error)
"""
    del resource
    result = subprocess.run([sys.executable, "-c", code, str(tmp_path / "net.npz")], cwd=ROOT, capture_output=True,
                            text=True, check=True)  # fmt: skip
    more, _, message = result.stdout.partition(" ")
    assert "cannot be loaded" in message
    assert int(more) < 64 * 1024  # kB
