"""What cannot be judged, wrong arguments, nets and their layers: each has its message."""

import numpy as np
import pytest

import diynn
from diynn.checking import Verdict, check
from diynn.checking.files.grade import grade
from diynn.checking.reporting.messages import CATALOGUE, text
from tests.handed_in import find, run
from tests.zoo import skeleton


def identity(x):
    return x


@pytest.mark.parametrize(
    ("target", "told"),
    [(identity, "got the function identity"), (3, "got 3"), ([1, 2], "got a list"), (None, "got None"),
     ("Tanh", "got 'Tanh'"), (int, "got the class int"), (np.ones(2), "got an array")],
)  # fmt: skip
def test_what_is_no_module_is_refused(target, told):
    with pytest.raises(TypeError, match=f"check: `target` must be a module or a loss, .*{told}"):
        check(target)


@pytest.mark.parametrize("draws", [0, -1, 1.5, True, "2", None])
def test_draws_that_try_nothing_are_refused(draws):
    with pytest.raises(ValueError, match="check: `draws` must be a positive whole number, got"):
        check(diynn.Tanh, draws=draws)


@pytest.mark.parametrize("shape", [(0,), (-1, 2), ("3",), 2.5])
def test_a_shape_that_is_none_is_refused(shape):
    with pytest.raises(ValueError, match="check: `input_shape` must be the shape of one example"):
        check(diynn.Tanh(), input_shape=shape)


class Own(skeleton.Module):
    def backward_delta(self, input, delta):
        return delta


class Dropout(Own):
    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, X):  # noqa: N803
        return X


class Noise(Own):
    def forward(self, X):  # noqa: N803
        return X + np.random.normal(size=X.shape)  # noqa: NPY002


class Never(Own):
    def forward(self, X):  # noqa: N803
        raise RuntimeError("not on these")


class Exponential(Own):
    def forward(self, X):  # noqa: N803
        return np.exp(np.exp(X))

    def backward_delta(self, input, delta):
        return delta * np.exp(input + np.exp(input))


def test_a_class_that_asks_for_arguments_of_its_own_wants_an_instance():
    report = check(Dropout)
    assert not report.ok
    assert not report.failed
    assert "pass an instance: diynn.check(Dropout(...))" in report["construct"].say("en")
    assert check(Dropout(0.5)).ok


@pytest.mark.parametrize(
    ("cls", "told"), [(Noise, "another output each time"), (Never, "runs on none of the data")]
)
def test_what_cannot_be_derived_is_not_judged(cls, told):
    report = check(cls)
    assert not report.judged
    assert told in report["shapes"].say("en")
    assert str(report).startswith("· ")
    assert "nothing could be judged" in str(report)


def test_an_instance_of_which_the_shape_is_said_is_judged_on_it():
    assert "RuntimeError: not on these" in check(Never(), input_shape=(3,))["shapes"].say("en")


def test_what_was_not_looked_at_is_not_said_to_hold():
    report = check(Exponential, draws=2)
    assert report["finite"].verdict is Verdict.SKIPPED
    assert "overflows at 30" in report["finite"].say("en")
    assert [result.property for result in report.unseen] == ["finite"]


def test_methods_that_have_nothing_to_do_may_be_missing():
    class Tanh:
        def forward(self, X):  # noqa: N803
            return np.tanh(X)

        def backward_delta(self, input, delta):
            return delta * (1 - np.tanh(input) ** 2)

    report = check(Tanh)
    assert report.ok, str(report)
    assert "zero_grad" in report["methods"].say("en")
    assert report["methods"].verdict is Verdict.REMARK


def test_a_convolution_of_another_convention_is_not_said_to_be_wrong():
    from tests.zoo.new_modules import Conv2DChannelsFirst

    class Padded(Conv2DChannelsFirst):
        def forward(self, X):  # noqa: N803
            return super().forward(X) * 2

        def backward_delta(self, input, delta):
            return super().backward_delta(input, delta * 2)

        def backward_update_gradient(self, input, delta):
            super().backward_update_gradient(input, delta * 2)

    report = check(Padded, like="Conv2D")
    assert report.ok, str(report)
    assert "no known convention" in report["forward"].say("en")


def test_a_gradient_of_a_wrong_shape_is_told_with_its_shape():
    from tests.zoo.new_modules import LinearBiasGrowsAnAxis

    told = check(LinearBiasGrowsAnAxis, like="Linear")["gradient"].say("en")
    assert "a gradient (b) of shape (1, 4) where (4,) is due" in told


def test_two_mistakes_at_once_are_both_told():
    from tests.zoo.new_modules import ConvDividedAndBiasAveraged

    report = check(ConvDividedAndBiasAveraged, like="Conv1D")
    assert report.mistakes[:2] == ["any.divided_by_batch", "bias.averaged"]
    assert "divided by the batch" in report["gradient"].explain("en")
    assert "; and the bias gradient is averaged" in report["gradient"].explain("en")


def test_upsampling_that_averages_is_named():
    from tests.zoo.new_modules import UpSampling

    class Mean(UpSampling):
        def backward_delta(self, input, delta):
            return super().backward_delta(input, delta) / self.scale**2

    assert check(Mean, like="UpSampling2D").mistakes == ["upsampling.mean"]


@pytest.mark.parametrize(
    "name", ["MSEMeanOfAll", "MSEMeanAndItsGradient", "BCEMeanOfAll", "MSEMeanForwardSheetBackward"]
)
def test_nobody_who_wrote_the_gradient_of_the_sheet_is_told_to_write_it(name):
    from tests.zoo import new_losses

    report = check(getattr(new_losses, name), like=name[:3] + "Loss")
    assert report["backward"].verdict is Verdict.PASSED, str(report)


def test_the_size_of_an_epsilon_is_told():
    from tests.zoo.new_losses import CEEpsilonInSum, CEEpsilonLarge

    assert "1e-05" in check(CEEpsilonInSum, like="CrossEntropyLoss")["forward"].explain("en")
    assert "0.01" in check(CEEpsilonLarge, like="CrossEntropyLoss")["forward"].explain("en")


# ---------------------------------------------------------------- nets


class Softmax(diynn.Softmax):
    def backward_delta(self, data, delta):
        return delta


def test_the_layers_of_a_net_are_judged_with_it():
    inner = diynn.Sequential(diynn.Linear(4, 2, rng=1), Softmax())
    report = check(diynn.Sequential(diynn.Linear(3, 4, rng=0), inner))
    assert [part.name for part in report.parts] == ["1: Linear", "2.1: Linear", "2.2: Softmax"]
    assert [part.ok for part in report.parts] == [True, True, False]
    assert not report.ok
    assert report.mistakes == ["any.identity"]
    assert "1 layer is wrong" in str(report)
    assert report.as_dict()["parts"][2]["mistakes"] == ["any.identity"]
    assert "any.identity" not in report._repr_html_()
    assert "returned unchanged" in report._repr_html_()
    assert check(diynn.Sequential(diynn.Linear(3, 4, rng=0), diynn.Tanh())).ok


class Module:
    """The base class of this file, and of no other."""

    def zero_grad(self): ...

    def update_parameters(self, gradient_step=1e-3): ...


class Sequentiel(Module):
    """It takes modules of this file alone."""

    def __init__(self, *modules):
        assert all(isinstance(module, Module) for module in modules)
        self.modules = modules

    def forward(self, X):  # noqa: N803
        for module in self.modules:
            X = module.forward(X)  # noqa: N806
        return X


def test_a_container_is_tried_with_the_classes_around_it():
    report = check(Sequentiel)
    assert report.ok, str(report)
    assert report["net_forward"].verdict is Verdict.PASSED


class ByLetters(skeleton.Module):
    """Weights whose two sizes are called n and d."""

    def __init__(self, n, d):
        self.n, self.d = n, d
        self._parameters = np.random.default_rng(0).normal(size=(n, d))
        self._gradient = np.zeros((n, d))

    def zero_grad(self):
        self._gradient[:] = 0

    def forward(self, X):  # noqa: N803
        return X @ self._parameters

    def backward_update_gradient(self, input, delta):
        self._gradient += input.T @ delta

    def backward_delta(self, input, delta):
        return delta @ self._parameters.T


@pytest.mark.parametrize("target", [ByLetters, ByLetters(3, 5), ByLetters(5, 3), ByLetters(2, 2)])
def test_sizes_called_by_letters_are_taken_the_way_that_works(target):
    report = check(target, like="Linear")
    assert report.ok, str(report)


# ---------------------------------------------------------------- files

TANH = (
    "import numpy as np\nclass Tanh:\n    def forward(self, X):\n        return np.tanh(X)\n"
    "    def backward_delta(self, input, delta):\n        return delta * (1 - np.tanh(input) ** 2)\n"
)


def graded(folder, **files):
    for name, content in files.items():
        (folder / f"{name}.py").write_text(content)
    return {file.name: file for file in grade(find([folder]))}


def test_a_class_that_another_derives_from_is_judged_and_told(tmp_path):
    loss = (
        "import numpy as np\nclass LOGSOFTCELoss:\n    def forward(self, y, yhat):\n"
        "        return np.log(np.exp(yhat).sum(axis=1)) - (y * yhat).sum(axis=1)\n"
        "    def backward(self, y, yhat):\n        e = np.exp(yhat)\n"
        "        return e / e.sum(axis=1, keepdims=True) - y\n"
        "class Better(LOGSOFTCELoss):\n    def forward(self, y, yhat):\n"
        "        return super().forward(y, yhat - yhat.max(axis=1, keepdims=True))\n"
    )
    base, better = graded(tmp_path, loss=loss)["loss.py"].reports
    assert base["derived"].say("en") == "other classes of the file derive from it: Better"
    assert base.mistakes == ["softmax.overflow"]
    assert better["finite"].method == "backward"  # it inherits that


def test_a_class_lost_with_a_broken_line_is_told(tmp_path):
    text = TANH + "class Softmax:\n    def forward(self, X:\n        return X\n"
    file = graded(tmp_path, bad=text)["bad.py"]
    lost = next(report for report in file.reports if report.name == "Softmax")
    assert "line bad.py:8 is not Python" in lost["define"].say("en")
    assert next(report for report in file.reports if report.name == "Tanh").ok


def test_helpers_cost_nothing(tmp_path, capsys):
    graded(tmp_path, act=TANH, plots="def plot(x): return x\n")
    assert run(tmp_path, "--students", "one") == 0
    printed = capsys.readouterr().out
    assert "without a class of a module or a loss: plots.py" in printed
    assert "students" not in printed
    capsys.readouterr()
    assert run(tmp_path) == 0  # loose files are a student each, and this one has nothing to judge
    assert "students" not in capsys.readouterr().out


def test_the_exit_status_says_what_was_not_looked_at(tmp_path, capsys):
    net = (
        "class Sequential:\n    def __init__(self, modules): self.modules = modules\n"
        "    def forward(self, x):\n        for m in self.modules: x = m.forward(x)\n        return x\n"
    )
    graded(tmp_path, net=net)
    assert run(tmp_path) == 3
    assert "its backward pass is not judged" in capsys.readouterr().out


# ---------------------------------------------------------------- French

COUNTED = {
    "students": 3, "right": 1, "failed": 0, "passed": 0, "remarks": 0, "skipped": 0, "layers": 1, "known": 2,
    "columns": 2,
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "words", "said"),
    [
        ("summary", {"failed": 0, "passed": 0}, "0 en échec, 0 réussie"),
        ("summary", {"failed": 1, "passed": 2}, "1 en échec, 2 réussies"),
        ("class_summary", {"right": 1, "students": 3}, "1 étudiant sur 3 a tout juste"),
        ("class_summary", {"right": 2, "students": 3}, "2 étudiants sur 3 ont tout juste"),
        ("told", {"name": "delta", "what": "faux"}, "delta : faux"),
    ],
)
def test_french_counts_as_the_french_do(key, words, said):
    assert text(key, "fr", **words) == said


@pytest.mark.parametrize("key", CATALOGUE)
def test_french_has_a_space_before_its_signs(key):
    import re

    french = text(key, "fr", **COUNTED)
    assert not re.search(r"[^\s]:(\s|$)|[^\s][;!?](\s|$)", french), french
    assert "diffusion" not in french
