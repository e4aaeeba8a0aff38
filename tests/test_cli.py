"""The command line, as a user types it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import diynn
from diynn.cli import main
from diynn.demo import RECIPES, make_net, run


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("net", "least"), [("conv", 0.97), ("mlp", 0.96)])
def test_the_classifiers_reach_their_accuracy(net, least, seed):
    assert run(net, seed=seed, progress=False).measures["accuracy"] >= least


@pytest.mark.parametrize("seed", range(3))
def test_the_autoencoder_beats_pca_and_the_mean_image(seed):
    measures = run("autoencoder", seed=seed, progress=False).measures
    assert measures["autoencoder"] < measures["PCA, 10 components"] < measures["mean image"]


@pytest.mark.parametrize("net", RECIPES)
def test_the_demo_prints_and_draws(net, tmp_path, capsys):
    status = main(["demo", "--net", net, "--epochs", "1", "--seed", "3", "--out", str(tmp_path / "figures")])
    assert status == 0
    printed = capsys.readouterr().out
    result = "reconstructions" if net == "autoencoder" else "confusion_matrix"
    assert ("squared error" if net == "autoencoder" else "test accuracy") in printed
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == {result, "learning_curve", "weights"}
    for path in (tmp_path / "figures").iterdir():
        assert str(path) in printed
        pixels = np.asarray(Image.open(path).convert("L"))
        assert min(pixels.shape) > 300
        assert pixels.std() > 5  # something is drawn


def test_the_demo_runs_on_another_library_and_dtype(tmp_path, capsys):
    words = [
        "demo",
        "--net",
        "mlp",
        "--epochs",
        "1",
        "--backend",
        "array_api_strict:device1",
        "--dtype",
        "float64",
    ]
    assert main([*words, "--out", str(tmp_path)]) == 0
    assert "test accuracy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--backend", "abacus"], "`backend` 'abacus' is not known: expected one of numpy, cupy"),
        (["--dtype", "int32"], "`dtype` must be a real floating dtype of numpy, got 'int32'"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(words, message, capsys):
    assert main(["demo", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("diynn: ")
    assert error.count("\n") == 1
    assert message in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "required: COMMAND"),
        (["demo", "--epochs", "0"], "argument --epochs: must be an integer, 1 or more, got '0'"),
        (["demo", "--epochs", "x"], "argument --epochs: must be an integer, 1 or more, got 'x'"),
        (["demo", "--seed", "-1"], "argument --seed: must be an integer, 0 or more, got '-1'"),
        (["demo", "--net", "transformer"], "argument --net: invalid choice"),
    ],
)
def test_wrong_usage_is_refused(words, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert "usage" in error
    assert message in error


def test_where_the_figures_go_is_tried_before_the_training(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert main(["demo", "--out", str(tmp_path / "file")]) == 2
    found = capsys.readouterr()
    assert found.err.startswith("diynn: ")
    assert "trained" not in found.out


def test_the_version_is_told_by_the_package_run_as_a_module():
    command = [sys.executable, "-m", "diynn", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert told == f"diynn {diynn.__version__}\n"


@pytest.mark.parametrize("loaded", ["diynn.sheet", "diynn.demo"])
def test_ctrl_c_during_an_import_ends_the_command_without_a_traceback(loaded):
    """The interrupt comes as Python looks for a module: of the package, or of what a command needs."""
    program = f"""
import sys, diynn_command
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {loaded!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
sys.argv = ["diynn", "demo"]
sys.exit(diynn_command.main())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (130, "diynn: interrupted\n")


def test_an_unknown_net_is_named():
    with pytest.raises(ValueError, match=r"`name` must be one of conv, mlp, autoencoder, got 'rnn'"):
        make_net("rnn")
