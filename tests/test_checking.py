"""The checker on the zoo: wrong classes fail with the right diagnosis, right ones pass."""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import diynn
from diynn.checking import Verdict, check
from diynn.checking.contract.kinds import KINDS
from diynn.checking.contract.numeric import along
from tests.zoo import load

ZOO = load()
RIGHT, WRONG, MILD = (
    [animal for animal in ZOO if animal.verdict == verdict] for verdict in ("right", "wrong", "mild")
)
NEW = [animal for animal in ZOO if ".new_" in animal.cls.__module__]
#: Random inputs for each right class: DIYNN_ZOO_INPUTS=10000 is the long run (CONTRIBUTING.md).
INPUTS = int(os.environ.get("DIYNN_ZOO_INPUTS", "60"))


def look_at(animal, **options):
    """Judge a class of the zoo as its kind."""
    return check(animal.cls, like=animal.kind or None, timing=False, **options)


def told(report):
    """Return the first mistake of a report, else the message of the first failure."""
    return (report.mistakes or [result.message for result in report.failed if result.message] or [""])[0]


# ---------------------------------------------------------------- the zoo


def test_the_zoo_is_large_enough():
    assert len(WRONG) >= 60
    assert len(RIGHT) >= 25
    kinds = {name for name, kind in KINDS.items() if kind.family != "container"}
    assert {animal.kind for animal in WRONG} - {""} >= kinds - {"Flatten2D"}
    assert len(NEW) >= 40


@pytest.mark.parametrize("animal", WRONG, ids=str)
def test_wrong_classes_are_caught(animal):
    report = look_at(animal)
    assert not report.ok
    assert report.failed


def test_95_of_100_wrong_classes_get_the_right_diagnosis():
    missed = []
    for animal in WRONG:
        found = told(look_at(animal))
        if not animal.mistake or found != animal.mistake:
            missed.append(f"{animal}: {found} for {animal.mistake}")
    assert len(missed) <= len(WRONG) // 20, missed


def test_of_the_new_ones_95_in_100_get_the_right_diagnosis():
    new = [animal for animal in NEW if animal.verdict == "wrong"]
    missed = {str(each): told(look_at(each)) for each in new if told(look_at(each)) != each.mistake}
    assert len(missed) <= len(new) // 20, missed


@pytest.mark.parametrize("animal", MILD, ids=str)
def test_what_is_right_in_the_loop_of_the_sheet_gets_a_remark(animal):
    report = look_at(animal)
    assert report.ok, str(report)
    assert report.mistakes == []
    remarks = [result for result in report.results if result.verdict is Verdict.REMARK]
    assert animal.mistake in [result.mistake for result in remarks]


@pytest.mark.parametrize("animal", RIGHT, ids=str)
def test_right_classes_are_never_failed(animal):
    setups = len(KINDS[animal.kind].setups) if animal.kind else 4
    report = look_at(animal, draws=-(-INPUTS // setups), seed=INPUTS)
    assert report.ok, str(report)
    assert all(result.verdict is not Verdict.SKIPPED for result in report.results), str(report)


@pytest.mark.parametrize(
    "name",
    ["Linear", "Conv1D", "MaxPool1D", "AvgPool1D", "Flatten", "Tanh", "Sigmoid", "ReLU", "Softmax",
    "LogSoftmax",
     "MSELoss", "NLLLoss", "CrossEntropyLoss", "BCELoss", "BCEWithLogitsLoss", "Sequential"],
)  # fmt: skip
def test_our_own_are_right(name):
    report = check(getattr(diynn, name))
    assert report.ok, str(report)


def test_our_optim_is_right_beside_our_sequential():
    assert check(diynn.Optim).ok


# ---------------------------------------------------------------- how exact it is


def scaled(factor, method):
    """Return a Linear with one backward method wrong by a factor."""

    class Linear(diynn.Linear):
        def backward_delta(self, data, delta):
            return super().backward_delta(data, delta) * (factor if method == "delta" else 1)

        def backward_update_gradient(self, data, delta):
            super().backward_update_gradient(data, delta * (factor if method == "gradient" else 1))

    return Linear


@pytest.mark.parametrize("method", ["delta", "gradient"])
def test_a_factor_of_1_0005_fails(method):
    report = check(scaled(1.0005, method))
    assert report[method].verdict is Verdict.FAILED
    assert report.mistakes == ["any.constant"]
    assert "1.0005" in report[method].explain("en")


@pytest.mark.parametrize("method", ["delta", "gradient"])
def test_a_factor_of_1_plus_1e_9_passes(method):
    assert check(scaled(1 + 1e-9, method), draws=5).ok


@pytest.mark.parametrize("factor", [1.0005, 1 + 1e-9])
def test_a_loss_is_judged_as_exactly(factor):
    class BCELoss(diynn.BCELoss):
        def backward(self, y, yhat):
            return super().backward(y, yhat) * factor

    assert check(BCELoss, draws=5).ok == (factor < 1.0001)


def test_one_wrong_entry_of_many_fails():
    class Conv1D(diynn.Conv1D):
        def backward_delta(self, data, delta):
            answer = super().backward_delta(data, delta)
            answer[0, 1, 0] *= 1.001
            return answer

    assert not check(Conv1D).ok


def test_single_precision_is_told_from_a_wrong_gradient():
    class Tanh(diynn.Tanh):
        factor = 1.0

        def forward(self, data):
            return np.tanh(data.astype(np.float32))

        def backward_delta(self, data, delta):
            return (self.factor * delta * (1 - np.tanh(data) ** 2)).astype(np.float32)

    class Wrong(Tanh):
        factor = 1.0005

    assert check(Tanh, draws=20).ok
    assert not check(Wrong, like="Tanh").ok


# ---------------------------------------------------------------- kinks and ties


def at(cls, data):
    """Judge a class on given data: zeros, ties."""
    kind = KINDS[cls.__name__]
    return dataclasses.replace(kind, draw=data)


@pytest.mark.parametrize("convention", [0.0, 0.5, 1.0])
def test_any_derivative_at_the_kink_of_relu_passes(convention, monkeypatch):
    class ReLU(diynn.ReLU):
        def backward_delta(self, data, delta):
            return delta * np.where(data == 0, convention, data > 0)

    kinky = at(diynn.ReLU, lambda rng, shape: rng.integers(-1, 2, shape).astype(float))
    monkeypatch.setitem(KINDS, "ReLU", kinky)
    assert check(ReLU, draws=50).ok


def test_a_wrong_relu_fails_beside_its_kinks(monkeypatch):
    class ReLU(diynn.ReLU):
        def backward_delta(self, data, delta):
            return delta * np.where(data == 0, 0.5, 1.001 * (data > 0))

    kinky = at(diynn.ReLU, lambda rng, shape: rng.integers(-1, 2, shape).astype(float))
    monkeypatch.setitem(KINDS, "ReLU", kinky)
    assert not check(ReLU, draws=5).ok


def last_tie(module, data, delta):
    back = np.zeros(data.shape)
    for n, i, c in np.ndindex(delta.shape):
        window = data[n, i * module.stride : i * module.stride + module.k_size, c]
        back[n, i * module.stride + module.k_size - 1 - np.argmax(window[::-1]), c] += delta[n, i, c]
    return back


@pytest.mark.parametrize("backward", [diynn.MaxPool1D.backward_delta, last_tie])
def test_any_choice_among_equal_maxima_passes(backward, monkeypatch):
    MaxPool1D = type("MaxPool1D", (diynn.MaxPool1D,), {"backward_delta": backward})  # noqa: N806
    ties = at(diynn.MaxPool1D, lambda rng, shape: rng.integers(0, 3, shape).astype(float))
    monkeypatch.setitem(KINDS, "MaxPool1D", ties)
    assert check(MaxPool1D, draws=50).ok


@pytest.mark.parametrize("distance", [0.0, 1e-9, 2e-5, 1e-4 / 3, 5e-5, 7e-5, 9.9e-5, 9.9999e-5])
def test_a_kink_is_seen_wherever_in_the_step_it_lies(distance):
    from diynn.checking.contract.numeric import DOUBLE

    slope, smooth, _ = along(lambda x: np.maximum(x - distance, 0), np.zeros(1), np.ones(1), DOUBLE)
    assert not smooth[0] or abs(slope[0]) < 1e-5


# ---------------------------------------------------------------- what may be checked


def test_an_instance_is_left_as_it_was():
    module = diynn.Conv1D(3, 2, 4, stride=2, rng=0)
    before = module._parameters.copy()
    report = check(module)
    assert report.ok, str(report)
    assert np.array_equal(module._parameters, before)


def test_an_instance_of_ours_in_single_precision_may_be_checked():
    assert check(diynn.Linear(3, 2, dtype="float32")).ok


@pytest.mark.parametrize(
    "module",
    [diynn.Conv1D(3, 2, 4, padding=1), diynn.MaxPool1D(3, 2, padding="same"), diynn.AvgPool1D(2, padding=1)],
    ids=repr,
)
def test_an_instance_whose_windows_reach_beyond_its_data_is_judged_by_its_own_forward(module):
    assert check(module).ok

    class Shifted(type(module)):
        def backward_delta(self, data, delta):
            return np.roll(super().backward_delta(data, delta), 1, axis=1)

    module.__class__ = Shifted
    report = check(module, draws=20)
    assert not report.ok
    assert "delta" in [each.property for each in report.failed]


def test_a_foreign_instance_is_checked_with_its_own_sizes():
    from tests.zoo.right_windows import ConvEinsum
    from tests.zoo.wrong_windows import ConvDeltaAssigned

    assert check(ConvEinsum(3, 2, 4, 2), like=diynn.Conv1D).ok
    assert "conv.assigned" in check(ConvDeltaAssigned(3, 2, 4, 1), like=diynn.Conv1D).mistakes


class Scale:
    """A module that is not of the sheet."""

    def __init__(self, size=3, slip=1.0):
        self._parameters = np.linspace(1, 2, size)
        self._gradient = np.zeros(size)
        self.slip = slip

    def forward(self, data):
        return data * self._parameters

    def backward_update_gradient(self, data, delta):
        self._gradient += (data * delta).sum(axis=0)

    def backward_delta(self, data, delta):
        return self.slip * delta * self._parameters

    def zero_grad(self):
        self._gradient[:] = 0

    def update_parameters(self, gradient_step=1e-3):
        self._parameters -= gradient_step * self._gradient


def test_a_module_of_no_known_kind_is_judged_by_its_own_forward():
    assert check(Scale(5)).ok
    assert check(Scale(5), input_shape=(5,)).ok
    assert check(Scale).ok
    report = check(Scale(5, slip=-1.0))
    assert report.mistakes == ["any.sign"]
    assert report.kind == ""


def test_like_must_be_known():
    with pytest.raises(TypeError, match="`like` must be one of"):
        check(Scale, like="Quantum")


def test_a_self_consistent_forward_that_is_wrong_is_caught_by_what_it_should_be():
    class Sharper(diynn.Tanh):
        def forward(self, data):
            return np.tanh(data / 2)

        def backward_delta(self, data, delta, *, output=None):
            return delta * (1 - np.tanh(data / 2) ** 2) / 2

    assert check(Sharper).ok  # a random function
    assert check(Sharper, like=diynn.Tanh).mistakes == ["tanh.half"]


# ---------------------------------------------------------------- verdicts that say which


def test_it_says_which_method_is_missing():
    class Tanh:
        def forward(self, data):
            return np.tanh(data)

    report = check(Tanh)
    assert not report.ok
    assert "backward_delta" in report["methods"].say("en")


def test_it_says_what_a_constructor_asks_for():
    class Linear(diynn.Linear):
        def __init__(self, n_in, n_out, schedule):
            super().__init__(n_in, n_out)

    assert "schedule" in check(Linear)["construct"].say("en")


def test_it_says_what_a_constructor_raises():
    class Tanh(diynn.Tanh):
        def __init__(self):
            raise OSError("no data here")

    assert "OSError: no data here" in check(Tanh)["construct"].say("en")


def test_it_says_where_the_parameters_are():
    from tests.zoo.right_layers import LinearTransposedWeights

    report = check(LinearTransposedWeights, like="Linear")
    assert report["parameters"].verdict is Verdict.REMARK
    assert "_W, _b" in report["parameters"].say("en")


def test_it_says_that_no_gradient_is_found():
    from tests.zoo.wrong_layers import LinearNoGradient

    report = check(LinearNoGradient, like="Linear")
    assert "no gradient is found beside the parameter `_parameters`" in report["gradient"].say("en")


@pytest.mark.parametrize("answer", ["text", None, [[1], [2, 3]], {"a": 1}, np.array(["x"]), object(), 1j])
def test_no_odd_answer_is_an_error_of_ours(answer):
    class Tanh(diynn.Tanh):
        def backward_delta(self, data, delta):
            return answer

    class Odd(diynn.Tanh):
        def forward(self, data):
            return answer

    assert check(Tanh).failed
    assert check(Odd, like="Tanh").failed
    assert check(Odd, like="MSELoss").failed


def test_what_raises_is_told_once():
    class ReLU(diynn.ReLU):
        def forward(self, data):
            raise RuntimeError("not yet")

    report = check(ReLU)
    assert [result.property for result in report.failed] == ["shapes"]
    assert "RuntimeError: not yet" in report["shapes"].say("en")


def test_the_time_of_a_loop_is_told():
    from tests.zoo.right_windows import ConvLoops

    report = check(ConvLoops, like="Conv1D")
    assert report.ok
    assert report["time"].verdict is Verdict.REMARK
    assert "times slower than ours" in report["time"].say("en")


# ---------------------------------------------------------------- the report


@pytest.fixture(scope="module")
def report():
    from tests.zoo.wrong_activations import SoftmaxElementwise

    return check(SoftmaxElementwise, like=diynn.Softmax, timing=False)


def test_a_report_shows_the_smallest_input_and_the_place(report):
    result = report["delta"]
    assert result.inputs["data"].shape == (1, 4)
    assert result.where.rpartition(":")[0].endswith("wrong_activations.py")
    assert result.expected.shape == result.got.shape == (1, 4)


def test_a_report_prints_the_mistake_and_the_right_line(report):
    text = str(report)
    assert "likely mistake: softmax is treated as elementwise" in " ".join(text.split())
    assert "∂L/∂x_i = s_i (δ_i - Σ_k δ_k s_k)" in text
    assert "[wrong_activations.py:" in text


def test_a_report_is_a_table_in_a_notebook(report):
    html = report._repr_html_()
    assert html.startswith("<table>")
    assert "softmax is treated as elementwise" in html


def test_html_escapes_what_is_foreign():
    def forward(self, data):
        raise ValueError("<script>alert(1)</script>")

    html = check(type("Tanh", (diynn.Tanh,), {"forward": forward}))._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_report_is_json(report):
    found = json.loads(report.to_json())
    assert found["ok"] is False
    assert found["mistakes"] == ["softmax.elementwise"]
    delta = next(result for result in found["results"] if result["property"] == "delta")
    assert delta["verdict"] == "failed"
    assert delta["explanation"].startswith("softmax is treated as elementwise")
    assert np.shape(delta["expected"]) == (1, 4)


def test_what_is_not_finite_is_json_all_the_same():
    from tests.zoo.wrong_activations import SoftmaxOverflow

    found = json.loads(check(SoftmaxOverflow, like="Softmax").to_json(), parse_constant=pytest.fail)
    assert any("nan" in str(result["got"]) for result in found["results"])


def test_what_is_heavy_is_not_imported_before_it_is_used():
    code = "import sys, diynn, diynn.checking; print(sorted(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in (
        "diynn.checking.contract", "diynn.checking.diagnosis", "diynn.checking.files",
        "diynn.checking.reporting.messages", "tqdm", "html",
    ):  # fmt: skip
        assert f"'{heavy}'" not in told
