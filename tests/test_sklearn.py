"""The estimators by scikit-learn's own checks, and what its users try first."""

import os
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas
import pytest

import diynn
from diynn.execution.choice import cores
from tests.test_wrong_inputs import WRONG, told
from tests.wrong_values import NOT_NEGATIVE, SIZES, but

sklearn = pytest.importorskip("sklearn", minversion="1.7")

import joblib  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_digits, load_iris, make_regression  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.experimental import enable_halving_search_cv  # noqa: E402, F401
from sklearn.model_selection import (  # noqa: E402
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_score,
    cross_validate,
)
from sklearn.neural_network import MLPClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from diynn.sklearn import AutoEncoder, NetClassifier, NetRegressor  # noqa: E402

VERSION = tuple(map(int, sklearn.__version__.split(".")[:2]))
ARRAY_API = os.environ.get("SCIPY_ARRAY_API") == "1"  # before SciPy is imported, so in a process of its own
#: Few epochs, and no word of them.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
QUICK = {"max_iter": 20, "random_state": 0}

BATCHES = (
    "batches are drawn by examples: two repetitions of one may fall into two batches, a weight of 2 cannot; "
    "in full batches the check passes, which the other instances show"
)
EXPECTED = {"check_sample_weight_equivalence_on_dense_data": BATCHES}


def expected(estimator):
    """Return the checks of scikit-learn that an estimator cannot pass, with the reason."""
    return EXPECTED if estimator.batch_size == 8 else {}


@parametrize_with_checks(
    [
        NetClassifier(max_iter=30),
        NetRegressor(learning_rate_init=1e-2, max_iter=30),
        AutoEncoder(max_iter=30),
        NetClassifier(batch_size=8, max_iter=30),
        NetRegressor(batch_size=8, max_iter=30),
    ],
    expected_failed_checks=expected,
)
def test_scikit_learn_checks(estimator, check):
    library = getattr(check, "keywords", {}).get("array_namespace")
    if library == "cupy" and not cuda():
        pytest.skip("CuPy without a CUDA device")
    if library == "array_api_strict" and VERSION < (1, 8):
        pytest.skip("this scikit-learn holds array-api-strict to a standard without numbers beside arrays")
    check(estimator)


def cuda():
    cupy = pytest.importorskip("cupy")
    try:
        return cupy.cuda.runtime.getDeviceCount() > 0
    except cupy.cuda.runtime.CUDARuntimeError:
        return False


# ------------------------------------------------------------------ weights


KINDS = {
    "classifier": (NetClassifier, Y, "predict_proba"),
    "regressor": (NetRegressor, X @ [[1.0, 0.5], [2.0, -1.0], [0.0, 1.0], [-1.0, 0.3]], "predict"),
    "autoencoder": (AutoEncoder, None, "transform"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_weight_is_so_many_repetitions_in_full_batches(kind, solver):
    make, y, method = KINDS[kind]
    times = np.random.default_rng(0).integers(0, 4, len(X))
    made = make(batch_size=10**6, solver=solver, alpha=0.1, **QUICK)
    repeated = None if y is None else np.repeat(y, times, axis=0)
    weighted = clone(made).fit(X, y, sample_weight=times)
    other = clone(made).fit(np.repeat(X, times, axis=0), repeated)
    plain = clone(made).fit(X, y)
    outputs = [getattr(each, method)(X) for each in (weighted, other, plain)]
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(weighted.loss_curve_, other.loss_curve_, rtol=1e-9)
    assert np.abs(outputs[0] - outputs[2]).max() > 1e-4


def test_a_class_weight_is_a_weight_of_its_examples():
    weights = {0: 1.0, 1: 5.0, 2: 0.5}
    one = NetClassifier(class_weight=weights, **QUICK).fit(X, Y)
    other = NetClassifier(**QUICK).fit(X, Y, sample_weight=[weights[label] for label in Y])
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    few = np.flatnonzero((Y < 2) | (np.arange(len(Y)) % 10 == 0))
    balanced = NetClassifier(class_weight="balanced", alpha=0.0, **QUICK).fit(X[few], Y[few])
    share = np.bincount(Y[few])[Y[few]]
    by_hand = NetClassifier(alpha=0.0, **QUICK).fit(X[few], Y[few], sample_weight=1 / share)
    np.testing.assert_allclose(balanced.predict_proba(X), by_hand.predict_proba(X), rtol=1e-9)


def test_a_step_is_along_the_mean_gradient_with_the_penalty():
    """By hand: g = xᵀ 2(ŷ - y), on average, plus α w, from which Nesterov's first step is ε (g + μ g)."""
    x, y, eps, alpha = X[:40], X[:40, :1] * 2, 1e-2, 3.0
    made = NetRegressor((), solver="sgd", learning_rate_init=eps, alpha=alpha, max_iter=1, random_state=0)
    made.fit(x, y)
    start = NetRegressor((), solver="sgd", learning_rate_init=1e-300, max_iter=1, random_state=0).fit(x, y)
    weights, bias = (each.value for each in start.net_.parameters())
    apart = 2 * (x @ weights + bias - y)
    expected = (
        weights - eps * 1.9 * (x.T @ apart + alpha * weights) / 40,
        bias - eps * 1.9 * apart.mean(axis=0),
    )
    for each, value in zip(made.net_.parameters(), expected, strict=True):
        np.testing.assert_allclose(each.value, value, rtol=1e-12)


@pytest.mark.parametrize(("epochs", "at_once"), [(20, False), (2000, True)])
def test_a_long_training_is_compiled_from_its_first_steps_on(epochs, at_once):
    made = NetClassifier(max_iter=epochs, tol=10.0, n_iter_no_change=1, random_state=0).fit(X, Y)
    execution = made._optim.execution
    assert (execution.compile_after == 0.0) is execution.compile_waits is at_once
    assert made.n_iter_ < 20  # by the length that it may have, not by that which it has


def test_the_steps_of_an_estimator_are_recorded():
    made = NetClassifier(**QUICK).fit(X, Y)
    assert made._optim._recorded.recording is not None


# ------------------------------------------------------------------ what users try first


def test_scores_are_those_of_a_net_that_has_learnt():
    same = {"hidden_layer_sizes": (50,), "max_iter": 100, "random_state": 0}
    ours, theirs = (
        cross_val_score(make_pipeline(StandardScaler(), kind(**same)), *load_digits(return_X_y=True), cv=3)
        for kind in (NetClassifier, MLPClassifier)
    )
    assert ours.mean() > theirs.mean() - theirs.std()
    made = make_pipeline(StandardScaler(), NetRegressor((20,), learning_rate_init=1e-2, random_state=0))
    assert cross_val_score(made, *make_regression(300, 5, random_state=0), cv=3).mean() > 0.95


def test_labels_may_be_text_and_two_classes_have_one_score():
    names = np.array(["setosa", "other"])[(Y > 0).astype(int)]
    made = NetClassifier(**QUICK).fit(X, names)
    assert list(made.classes_) == ["other", "setosa"]
    scores = made.decision_function(X)
    assert scores.shape == (150,)
    np.testing.assert_array_equal(made.predict(X), np.where(scores > 0, "setosa", "other"))
    np.testing.assert_allclose(made.predict_proba(X)[:, 1], 1 / (1 + np.exp(-scores)))
    np.testing.assert_allclose(np.exp(made.predict_log_proba(X)), made.predict_proba(X))


def test_frames_go_in_and_come_out():
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"], index=range(7, 157))
    made = AutoEncoder(3, **QUICK).set_output(transform="pandas").fit(frame)
    codes = made.transform(frame)
    assert list(codes.columns) == ["autoencoder0", "autoencoder1", "autoencoder2"]
    assert list(codes.index) == list(frame.index)
    assert list(made.feature_names_in_) == ["a", "b", "c", "d"]
    NetRegressor(**QUICK).fit(frame, frame[["a", "b"]]).predict(frame)
    with pytest.raises(ValueError, match="feature names"):
        made.transform(frame[["b", "a", "c", "d"]])


def test_weights_are_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        made = NetClassifier(learning_rate_init=1e-2, max_iter=50, random_state=0)
        made.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        routed = cross_validate(made, X, Y, params={"sample_weight": (Y == 0) + 1e-9}, cv=3,
                                return_estimator=True)  # fmt: skip
    assert (routed["test_score"] > 0.99).all()  # all that counts is class 0
    assert all((each.predict(X) == 0).mean() > 0.9 for each in routed["estimator"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickled_estimator_goes_on_as_the_other(kind):
    make, y, method = KINDS[kind]
    first = make(**QUICK)
    known = {"classes": [0, 1, 2]} if kind == "classifier" else {}
    first.partial_fit(X, y, **known).partial_fit(X, y)
    second = pickle.loads(pickle.dumps(first))
    np.testing.assert_array_equal(*(getattr(each, method)(X) for each in (first, second)))
    for each in (first, second):
        each.partial_fit(X, y)
    np.testing.assert_array_equal(*(getattr(each, method)(X) for each in (first, second)))
    assert first.n_iter_ == len(first.loss_curve_) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_epochs_one_by_one_are_epochs_together(kind):
    make, y, method = KINDS[kind]
    whole = make(max_iter=5, tol=0.0, batch_size=32, random_state=3).fit(X, y)
    parts = make(batch_size=32, random_state=3)
    known = {"classes": [0, 1, 2]} if kind == "classifier" else {}
    for _ in range(5):
        parts.partial_fit(X, y, **known)
    np.testing.assert_array_equal(getattr(parts, method)(X), getattr(whole, method)(X))
    assert parts.loss_curve_ == whole.loss_curve_


def test_a_warm_start_goes_on():
    made = NetClassifier(warm_start=True, **QUICK).fit(X, Y)
    net, first = made.net_, made.loss_curve_
    made.fit(X, Y)
    assert made.net_ is net
    assert max(made.loss_curve_) < min(first)
    cold = clone(made).set_params(warm_start=False).fit(X, Y)
    assert cold.fit(X, Y).loss_curve_ == first


def test_early_stopping_keeps_the_best_epoch():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 2, 200)
    x = rng.standard_normal((200, 30))
    made = NetClassifier(early_stopping=True, n_iter_no_change=5, learning_rate_init=1e-2, random_state=0)
    made.fit(x, noise)
    costs = made.history_["validation_cost"]
    assert made.history_.stopped == "not better by 0.0001 for 5 epochs"
    assert len(costs) <= np.argmin(costs) + 1 + 5 + 1
    kept = diynn.CrossEntropyLoss()(noise, diynn.predict(made.net_, x)).mean()
    assert kept != pytest.approx(made.history_["cost"][-1], rel=0.05)  # not what it ended with
    assert costs[-1] > min(costs)


def test_the_end_is_that_of_scikit_learn_by_the_costs():
    made = NetClassifier(learning_rate_init=1e-2, tol=1e-3, n_iter_no_change=4, random_state=0).fit(X, Y)
    best, waited, ends = np.inf, 0, []
    for cost in made.loss_curve_:  # as MLPClassifier has it
        waited = waited + 1 if cost > best - 1e-3 else 0
        best = min(best, cost)
        ends.append(waited > 4)
    assert ends == [False] * (len(ends) - 1) + [True]
    assert len(ends) < 200


def test_the_end_that_came_too_early_is_told():
    with pytest.warns(sklearn.exceptions.ConvergenceWarning, match="still falling after `max_iter` = 3"):
        NetRegressor(max_iter=3).fit(X, Y)


def test_a_net_of_ones_own():
    def net(features, outputs):
        return diynn.Sequential(
            diynn.Linear(features, 8, rng=0), diynn.Tanh(), diynn.Dropout(0.1, rng=0),
            diynn.Linear(8, outputs, rng=1),
        )  # fmt: skip

    made = NetClassifier(net=net, learning_rate_init=1e-2, max_iter=50, random_state=0).fit(X, Y)
    assert repr(made.net_[2]) == "Dropout(0.1)"
    assert made.score(X, Y) > 0.9

    def pair(features, code):
        return diynn.Linear(features, code, rng=0), diynn.Linear(code, features, rng=1)

    linear = AutoEncoder(
        2, net=pair, learning_rate_init=1e-2, alpha=0.0, batch_size=32, max_iter=200, tol=0.0, random_state=0
    ).fit(X)
    best = PCA(2).fit(X).explained_variance_ratio_.sum()
    assert best - 0.01 < linear.score(X) <= best + 1e-9  # no linear code does better
    back = linear.inverse_transform(linear.transform(X))
    np.testing.assert_allclose(back, diynn.predict(linear.net_, X))


class Rows(diynn.Module):
    """Features as the rows of an image: (batch, 64) as (batch, 8, 8), a sequence of 8 channels."""

    per_example = pure = True

    def forward(self, data):
        return data.reshape(data.shape[0], 8, 8)

    def backward_delta(self, data, delta):
        return delta.reshape(data.shape)


def convolution(features, outputs):
    return diynn.Sequential(
        Rows(), diynn.Conv1D(3, 8, 16, rng=0), diynn.ReLU(), diynn.Flatten(), diynn.Linear(96, outputs, rng=1)
    )


def test_features_may_be_seen_as_sequences_by_a_net_of_ones_own():
    x, y = load_digits(return_X_y=True)
    net = NetClassifier(net=convolution, learning_rate_init=1e-2, max_iter=10, random_state=0)
    assert cross_val_score(make_pipeline(StandardScaler(), net), x, y, cv=2).mean() > 0.8


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_net_has_the_type_of_the_features(dtype):
    made = NetClassifier(**QUICK).fit(X.astype(dtype), Y)
    assert made.predict_proba(X.astype(dtype)).dtype == dtype
    assert NetClassifier(dtype="float32", **QUICK).fit(X, Y).predict_proba(X).dtype == "float32"


def test_a_checkpoint_ends_a_training_that_was_done(tmp_path):
    made = NetClassifier(checkpoint=tmp_path / "fit.npz", tol=0.0, **QUICK).fit(X, Y)
    again = clone(made).fit(X, Y)
    assert again.loss_curve_ == made.loss_curve_
    assert again.history_.seconds == made.history_.seconds  # read, not trained
    np.testing.assert_array_equal(again.predict_proba(X), made.predict_proba(X))


def test_a_training_that_goes_on_ends_when_it_would_have(tmp_path):
    made = NetClassifier(learning_rate_init=1e-2, tol=1e-3, n_iter_no_change=4, random_state=0)
    whole = clone(made).fit(X, Y)
    kept = made.set_params(checkpoint=tmp_path / "fit.npz")
    kept.set_params(max_iter=whole.n_iter_ - 2).fit(X, Y)
    assert kept.history_.stopped is None
    kept.set_params(max_iter=200).fit(X, Y)
    assert kept.n_iter_ == whole.n_iter_ < 200


# ------------------------------------------------------------------ grids, workers


def test_grids_over_nets():
    grid = {"hidden_layer_sizes": [(2,), (16,)], "activation": ["tanh", "gelu"]}
    found = GridSearchCV(
        NetClassifier(learning_rate_init=1e-2, max_iter=50, random_state=0), grid, cv=2, n_jobs=2
    ).fit(X, Y)
    assert len(found.cv_results_["params"]) == 4
    assert found.best_params_["hidden_layer_sizes"] == (16,)
    halving = HalvingGridSearchCV(
        NetClassifier(random_state=0), grid, cv=2, resource="max_iter", min_resources=5, max_resources=20
    ).fit(X, Y)
    assert halving.best_estimator_.max_iter >= 10


class Seen(diynn.Module):
    """Notes how many threads a step might take."""

    def __init__(self):
        self.threads = set()

    def forward(self, data):
        return data

    def backward_delta(self, data, delta):
        self.threads.add(cores())
        return delta


def watched(features, outputs):
    return diynn.Sequential(diynn.Linear(features, outputs, rng=0), Seen())


@pytest.mark.parametrize("pool", ["loky", "threading"])
def test_workers_train_on_one_thread_each(pool):
    made = NetClassifier(net=watched, max_iter=2)
    with joblib.parallel_config(pool):
        trained = cross_validate(made, X, Y, cv=2, n_jobs=2, return_estimator=True)["estimator"]
        assert [each.net_[1].threads for each in trained] == [{1}, {1}]
    assert made.fit(X, Y).net_[1].threads == {cores()}


# ------------------------------------------------------------------ other array libraries


def test_a_net_on_another_library_takes_and_returns_numpy():
    pytest.importorskip("torch")
    made = NetClassifier(backend="torch", **QUICK).fit(X, Y)
    assert type(made.net_[0]._parameters).__module__ == "torch"
    other = NetClassifier(**QUICK).fit(X, Y)
    np.testing.assert_allclose(made.predict_proba(X), other.predict_proba(X), rtol=1e-6)
    own = NetClassifier(net=lambda *sizes: diynn.Linear(*sizes), backend="torch", dtype="float32", **QUICK)
    assert own.fit(X, Y).predict_proba(X).dtype == np.float32
    assert str(own.net_._parameters.dtype) == "torch.float32"


@pytest.mark.skipif(not ARRAY_API, reason="SCIPY_ARRAY_API is not set: test_array_api_dispatch sets it")
def test_dispatch_stays_on_torch():
    torch = pytest.importorskip("torch")
    x, y = torch.asarray(X), torch.asarray(Y)
    made = make_pipeline(StandardScaler(), PCA(3), NetClassifier(class_weight="balanced", **QUICK))
    with sklearn.config_context(array_api_dispatch=True):
        made.fit(x, y)
        outputs = made.predict_proba(x), made.predict(x), made[-1].classes_
        assert {type(each) for each in outputs} == {torch.Tensor}
        score = made.score(x, y)
        weighted = NetRegressor(early_stopping=True, **QUICK).fit(x, x[:, :2], sample_weight=y + 1.0)
        assert type(weighted.predict(x)) is torch.Tensor
        code = AutoEncoder(2, **QUICK).fit(x)
        assert type(code.inverse_transform(code.transform(x))) is torch.Tensor
        message = (
            r"NetRegressor: `X` in NetRegressor.predict\(\) must use the same namespace and device as in fit"
        )
        with pytest.raises(ValueError, match=message + r"\(\), torch:cpu, got a numpy array"):
            weighted.predict(X)
    on_numpy = clone(made).fit(X, Y)
    assert score == pytest.approx(on_numpy.score(X, Y), abs=1e-6)  # float32, of torch
    np.testing.assert_allclose(outputs[0].numpy(), on_numpy.predict_proba(X), rtol=1e-6)


@pytest.mark.skipif(ARRAY_API, reason="this is that process")
def test_array_api_dispatch():
    """The checks and the test above that ask for it, where SciPy is told of it before it is imported."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", __file__]
    result = subprocess.run(
        [*command, "-k", "array_api or dispatch"], env=os.environ | {"SCIPY_ARRAY_API": "1"},
        capture_output=True, text=True, timeout=300, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-3000:]
    assert " passed" in result.stdout


# ------------------------------------------------------------------ what is told


RULES = {"class": diynn.Adam, "unknown": "lbfgs", "number": 0.9, "list": [diynn.Adam()], "None": None}
KNOWN = {"unknown": "swish", "class": diynn.Tanh, "number": 3, "None": None}
NO_MAKERS = {"number": 3, "text": "net", "class": diynn.Linear, "net": diynn.Linear(4, 3)}
WRONG_PARAMETERS = {
    "hidden_layer_sizes": {
        "zero": (0,), "text": "ab", "fraction": (2.5,), "number": 2.5, "negative": -3, "None": None,
    },
    "activation": KNOWN, "solver": RULES, "alpha": NOT_NEGATIVE,
    "batch_size": but(SIZES, "huge") | {"unknown": "all"}, "max_iter": but(SIZES, "huge"),
    "tol": NOT_NEGATIVE,
    "n_iter_no_change": but(SIZES, "huge"), "early_stopping": WRONG["progress"], "verbose": WRONG["progress"],
    "warm_start": WRONG["progress"], "net": NO_MAKERS,
}  # fmt: skip


@pytest.mark.parametrize("argument", WRONG_PARAMETERS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_parameter_is_named_by_fit(kind, argument):
    make, y, _ = KINDS[kind]
    values = WRONG_PARAMETERS[argument]

    def fit(value):
        made = make(**{"max_iter": 1, argument: value})
        made.fit(X, y)
        if argument == "warm_start":
            made.fit(X, y)

    missing = {name: told(make.__name__, argument, fit, None, value) for name, value in values.items()}
    assert {name: words for name, words in missing.items() if words is not None} == {}


FITTED = partial(NetClassifier, max_iter=1)


class CourseNet:
    """A net that knows nothing of diynn."""

    def __init__(self, features, outputs):
        self._parameters, self._gradient = np.ones((features, outputs)), np.zeros((features, outputs))

    def forward(self, data):
        return data @ self._parameters

    def zero_grad(self):
        self._gradient[...] = 0

    def backward_update_gradient(self, data, delta):
        self._gradient += data.T @ delta

    def backward_delta(self, data, delta):
        return delta @ self._parameters.T

    def update_parameters(self, gradient_step=1e-3):
        self._parameters -= gradient_step * self._gradient


CALLS = {
    "one class": (lambda: FITTED().fit(X, Y * 0), r"`y` must hold two classes or more, got one class"),
    "first call": (
        lambda: FITTED().partial_fit(X, Y),
        "`classes` must be given at the first call of partial_fit",
    ),
    "other classes": (
        lambda: FITTED().partial_fit(X, Y, [0, 1, 2]).partial_fit(X, Y, [0, 1]),
        r"`classes` must be those of the first call, \[0 1 2\], got",
    ),
    "unknown class": (
        lambda: FITTED().partial_fit(X, Y, [0, 1, 2]).partial_fit(X, Y + 1),
        r"`y` must hold classes of the first call alone, \[0 1 2\]",
    ),
    "balanced parts": (
        lambda: FITTED(class_weight="balanced").partial_fit(X, Y, [0, 1, 2]),
        "`class_weight` must be a dict for partial_fit",
    ),
    "class weight": (
        lambda: FITTED(class_weight=3).fit(X, Y),
        '`class_weight` must be a dict, "balanced" or None',
    ),
    "negative": (lambda: FITTED().fit(X, Y, -1.0), "`sample_weight` must be finite and 0 or more, got -1"),
    "zeros": (lambda: FITTED().fit(X, Y, Y * 0), "`sample_weight` must have a weight that is not zero"),
    "fewer": (lambda: FITTED().fit(X, Y, Y[:9]), r"`sample_weight` must be 1D .* of 150 .* shape \(9,\)"),
    "other targets": (
        lambda: NetRegressor(max_iter=1, warm_start=True).fit(X, X).fit(X, Y),
        r"`y` must have shape \(150, 4\), as before, got \(150,\)",
    ),
    "code size": (
        lambda: AutoEncoder(2, max_iter=1).fit(X).inverse_transform(X),
        r"`X` must have shape \(examples, 2\), got",
    ),
    "one part": (
        lambda: AutoEncoder(net=lambda n, code: diynn.Linear(n, n)).fit(X),
        r"`net` must return \(encoder, decoder\), got a Linear",
    ),
    "more outputs": (
        lambda: FITTED(net=lambda n, outputs: diynn.Linear(n, outputs + 1)).fit(X, Y),
        r"`net` must make a net that returns \(batch, 3\) here, got \(1, 4\) for a batch of 1",
    ),
    "no code": (lambda: AutoEncoder(0).fit(X), "`n_components` must be a positive integer, got 0"),
    "share": (
        lambda: FITTED(early_stopping=True, validation_fraction=1.5).fit(X, Y),
        "`validation_fraction` must be",
    ),
    "nobody held out": (
        lambda: FITTED(early_stopping=True, validation_fraction=0).fit(X, Y),
        "`validation_fraction` must be between 0 and 1, got 0.0",
    ),
    "execution": (lambda: FITTED(execution="fast").fit(X, Y), "`execution` must be one of auto, serial, "),
    "no execution": (lambda: NetRegressor(execution=3).fit(X, Y), "`execution` must be one of .* got 3"),
    "backend": (lambda: FITTED(backend="nump").fit(X, Y), "`backend` 'nump' is not known"),
    "dtype": (lambda: AutoEncoder(dtype="int32").fit(X), "`dtype` must be a real floating dtype of numpy"),
    "dtype of one's own net": (
        lambda: FITTED(dtype="int32", net=lambda *sizes: diynn.Linear(*sizes)).fit(X, Y),
        "`dtype` must be a real floating dtype of numpy, got 'int32'",
    ),
    "a net of a course": (
        lambda: FITTED(dtype="float32", net=lambda *sizes: CourseNet(*sizes)).fit(X, Y),
        "`backend` and `dtype` move a net of diynn's modules, got a CourseNet from `net`",
    ),
    "no net": (lambda: FITTED(net=lambda *sizes: 3).fit(X, Y), "`net` must return a module, got 3"),
    "step size": (
        lambda: FITTED(learning_rate_init=-1).fit(X, Y),
        "`learning_rate_init` must be a positive number, got -1",
    ),
    "schedule": (
        lambda: FITTED(learning_rate_init=lambda step: "a").fit(X, Y),
        "`learning_rate_init`, a schedule, must return 0 or more, got 'a'",
    ),
    "negative schedule": (
        lambda: FITTED(learning_rate_init=lambda step: -1.0).fit(X, Y),
        "`learning_rate_init`, a schedule, must return 0 or more, got -1.0",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_cannot_be_meant_says_so(name):
    function, message = CALLS[name]
    with pytest.raises((TypeError, ValueError), match=message) as told_so:
        function()
    assert str(told_so.value).split(":")[0] in ("NetClassifier", "NetRegressor", "AutoEncoder")


def test_without_scikit_learn_the_import_says_what_to_install():
    code = "import sys; sys.modules['sklearn'] = None\nimport diynn.sklearn"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 'diynn.sklearn needs scikit-learn: pip install "diynn[sklearn]"' in result.stderr
