import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diynn.metrics import accuracy, confusion_counts, confusion_text, mean_absolute_error, purity, r2

LIBRARIES = pytest.mark.parametrize("xp", [np, array_api_strict], ids=["numpy", "strict"])
SCORES = [[0.1, 0.7, 0.2], [5.0, -1.0, 2.0], [0.0, 0.0, 0.0], [-3.0, -2.0, -1.0]]  # classes 1, 0, 0 (tie), 2


@LIBRARIES
@pytest.mark.parametrize(
    "y",
    [
        [1, 2, 0, 2],
        [[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 1]],
        [[0.2, 0.5, 0.3], [0.0, 0.0, 1.0], [0.9, 0.0, 0.1], [0.3, 0.3, 0.4]],
    ],
    ids=["indices", "one-hot", "probabilities"],
)
def test_accuracy_is_the_share_of_largest_scores_in_the_right_place(xp, y):
    result = accuracy(xp.asarray(y), xp.asarray(SCORES))
    assert type(result) is float
    assert result == 0.75


@LIBRARIES
@pytest.mark.parametrize(
    "y", [[[0], [1], [1], [0]], [[0.0], [1.0], [1.0], [0.0]], [[False], [True], [True], [False]]]
)
def test_accuracy_of_one_column_is_that_of_a_binary_problem(xp, y):
    y = xp.asarray(y)
    assert accuracy(y, xp.asarray([[0.2], [0.9], [0.4], [0.5]])) == 0.75
    assert accuracy(y, xp.asarray([[-0.1], [0.3], [0.2], [-2.0]]), threshold=0) == 1


def test_accuracy_of_nothing_is_not_a_number():
    assert np.isnan(accuracy(np.zeros(0, dtype=np.int64), np.zeros((0, 3))))


@pytest.mark.parametrize(
    ("y", "yhat", "error", "message"),
    [
        (np.zeros(4), np.zeros(4), ValueError,
         r"`yhat` must have shape \(batch, classes\) or \(batch, 1\), got \(4,\)"),
        (np.zeros((4, 0)), np.zeros((4, 0)), ValueError, r"`yhat` must have shape .*, got \(4, 0\)"),
        (np.zeros(4), np.zeros((4, 1)), ValueError,
         r"`y` must have shape \(4, 1\), got \(4,\); y\[:, None\] has it"),
        (np.zeros((4, 2)), np.zeros((4, 3)), ValueError,
         r"`y` must have shape \(4,\) or \(4, 3\), got \(4, 2\)$"),
        (np.zeros(3, dtype=int), np.zeros((4, 3)), ValueError,
         r"`y` must have shape \(4,\) or \(4, 3\), got \(3,\)$"),
        (np.zeros(4), np.zeros((4, 3)), TypeError, r"`y` must be integer class indices, got float64"),
        (np.asarray([0, 3]), np.zeros((2, 3)), ValueError,
         r"`y` must be in 0\.\.2 for 3 classes, got 0\.\.3"),
        (np.asarray([0, -1]), np.zeros((2, 3)), ValueError,
         r"`y` must be in 0\.\.2 for 3 classes, got -1\.\.0"),
        ([0, 1], np.zeros((2, 3)), TypeError, r"`y` must be an array, got list"),
        (np.asarray([0, 1]), [[0.5, 0.5]], TypeError, r"`yhat` must be an array, got list"),
        (array_api_strict.asarray([0, 1]), np.zeros((2, 3)), ValueError,
         r"`y` is an array_api_strict array on .* and `yhat` a numpy array"),
    ],
)  # fmt: skip
def test_accuracy_refuses(y, yhat, error, message):
    with pytest.raises(error, match="^accuracy: " + message):
        accuracy(y, yhat)


def test_accuracy_takes_numpy_labels_beside_scores_of_another_library():
    scores = array_api_strict.asarray([[0.9, 0.1], [0.8, 0.2]])
    assert accuracy(np.asarray([0, 1]), scores) == 0.5


@LIBRARIES
def test_confusion_counts_have_a_row_a_true_class(xp):
    labels, predictions = xp.asarray([0, 0, 0, 1, 2, 2]), xp.asarray([0, 0, 1, 1, 0, 2])
    counts = confusion_counts(labels, predictions)
    assert counts.dtype == np.int64
    assert counts.tolist() == [[2, 1, 0], [0, 1, 0], [1, 0, 1]]


def test_confusion_counts_take_the_number_of_classes():
    assert confusion_counts(np.asarray([0]), np.asarray([1]), 3).tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert confusion_counts(np.zeros(0, dtype=int), np.zeros(0, dtype=int), 2).tolist() == [[0, 0], [0, 0]]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=40))
def test_confusion_counts_count_every_example_once(pairs):
    table = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    counts = confusion_counts(table[:, 0], table[:, 1], 5)
    assert counts.sum(axis=1).tolist() == np.bincount(table[:, 0], minlength=5).tolist()
    assert counts.sum(axis=0).tolist() == np.bincount(table[:, 1], minlength=5).tolist()
    assert np.trace(counts) == sum(true == predicted for true, predicted in pairs)


ZEROS = np.zeros(2, dtype=int)


@pytest.mark.parametrize(
    ("labels", "predictions", "classes", "error", "message"),
    [
        (np.zeros((2, 1), dtype=int), np.zeros((2, 1), dtype=int), None, ValueError,
         r"`labels` and `predictions` must have one shape \(batch,\), got \(2, 1\) and \(2, 1\)"),
        (ZEROS, np.zeros(3, dtype=int), None, ValueError,
         r"`labels` and `predictions` must have one shape \(batch,\), got \(2,\) and \(3,\)"),
        (ZEROS[:0], ZEROS[:0], None, ValueError, r"`classes` must be given where there is no example"),
        (ZEROS, ZEROS, 0, ValueError, r"`classes` must be a positive integer, got 0"),
        (np.zeros(2), ZEROS, None, TypeError, r"`labels` must be integer class indices, got float64"),
        (ZEROS, np.zeros(2), None, TypeError, r"`predictions` must be integer class indices, got float64"),
        (ZEROS + 2, ZEROS, 2, ValueError, r"`labels` must be in 0\.\.1 for 2 classes, got 2\.\.2"),
        (ZEROS, ZEROS - 1, None, ValueError, r"`predictions` must be in 0\.\.0 for 1 classes, got -1\.\.-1"),
    ],
)  # fmt: skip
def test_confusion_counts_refuses(labels, predictions, classes, error, message):
    with pytest.raises(error, match="^confusion_counts: " + message):
        confusion_counts(labels, predictions, classes)


def test_confusion_text_is_a_table():
    assert confusion_text(np.asarray([[9, 1, 0], [0, 120, 0], [0, 0, 3]])).splitlines() == [
        "true \\ predicted    0    1    2",
        "               0    9    1    .",
        "               1    .  120    .",
        "               2    .    .    3",
    ]


def test_confusion_text_leaves_room_for_the_names_of_many_classes():
    lines = confusion_text(np.eye(12, dtype=int)).splitlines()
    assert lines[0].endswith("   9  10  11")
    assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize("shape", [(3,), (2, 3)])
def test_confusion_text_refuses_what_is_not_square(shape):
    with pytest.raises(
        ValueError, match=r"confusion_text: `counts` must have shape \(classes, classes\), got"
    ):
        confusion_text(np.zeros(shape, dtype=int))


# ------------------------------------------------------------------ regressions


@LIBRARIES
def test_r2_is_the_share_of_the_variance_explained(xp):
    y = xp.asarray([[1.0], [2.0], [3.0], [6.0]])  # of mean 3: the squares sum to 4 + 1 + 0 + 9 = 14
    assert r2(y, y) == 1
    assert r2(y, 0 * y + 3) == 0
    assert r2(y, xp.asarray([[1.0], [2.0], [4.0], [5.0]])) == pytest.approx(1 - 2 / 14)
    # Each column has a mean of its own: 14 + 1, of which 2 are missed.
    two, others = [[1.0, 5], [2, 5], [3, 6], [6, 6]], [[1.0, 5], [2, 5], [4, 6], [5, 6]]
    assert r2(xp.asarray(two), xp.asarray(others)) == pytest.approx(1 - 2 / 15)


@LIBRARIES
def test_r2_takes_integers_and_knows_where_there_is_nothing_to_explain(xp):
    assert r2(xp.asarray([1, 2, 3]), xp.asarray([1.0, 2.0, 3.0])) == 1
    assert np.isnan(r2(xp.asarray([2.0, 2.0]), xp.asarray([2.0, 2.0])))
    assert np.isnan(r2(xp.asarray([[]], dtype=xp.float64)[:0, :], xp.asarray([[]], dtype=xp.float64)[:0, :]))


@LIBRARIES
def test_mean_absolute_error_is_a_mean_over_all_values(xp):
    y, yhat = xp.asarray([[1, 2], [3, 4]]), xp.asarray([[1.5, 2.0], [1.0, 4.5]])
    assert mean_absolute_error(y, yhat) == pytest.approx((0.5 + 0 + 2 + 0.5) / 4)
    assert np.isnan(mean_absolute_error(y[:0, :], yhat[:0, :]))


@pytest.mark.parametrize("measure", [r2, mean_absolute_error])
def test_measures_of_a_regression_refuse(measure):
    name = measure.__name__
    with pytest.raises(
        ValueError, match=rf"^{name}: `y` must have the shape of `yhat`, \(4, 1\), got \(4,\); y\["
    ):
        measure(np.zeros(4), np.zeros((4, 1)))
    with pytest.raises(ValueError, match=rf"^{name}: `y` must have the shape of `yhat`, \(3,\), got \(4,\)$"):
        measure(np.zeros(4), np.zeros(3))
    with pytest.raises(TypeError, match=rf"^{name}: `y` must be an array, got list"):
        measure([1.0], np.zeros(1))
    with pytest.raises(TypeError, match=rf"^{name}: `yhat` must be an array, got list"):
        measure(np.zeros(1), [1.0])
    with pytest.raises(ValueError, match=rf"^{name}: `y` is a numpy array and `yhat` an array_api_strict"):
        measure(np.zeros(1), array_api_strict.zeros(1))


# ------------------------------------------------------------------ clusterings


@LIBRARIES
def test_purity_counts_the_most_frequent_class_of_each_cluster(xp):
    labels, clusters = xp.asarray([0, 0, 1, 1, 2, 2]), xp.asarray([5, 5, 5, 3, 3, 3])
    assert purity(labels, clusters) == 4 / 6  # 2 of class 0 in cluster 5, 2 of class 2 in cluster 3
    assert purity(labels, labels) == 1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_purity_does_not_ask_what_clusters_are_called(pairs):
    table = np.asarray(pairs)
    found = purity(table[:, 0], table[:, 1])
    assert purity(table[:, 0], 7 - table[:, 1]) == found
    assert np.bincount(table[:, 0]).max() / len(table) <= found <= 1


@pytest.mark.parametrize(
    ("labels", "clusters", "error", "message"),
    [
        (ZEROS, ZEROS[:1], ValueError, r"`labels` and `clusters` must have one shape .*\(2,\) and \(1,\)"),
        (ZEROS[:0], ZEROS[:0], ValueError, r"`labels` and `clusters` must have .* batch > 0, got \(0,\)"),
        (np.zeros(2), ZEROS, TypeError, r"`labels` must be integer class indices, got float64"),
        (ZEROS, np.zeros(2), TypeError, r"`clusters` must be integer class indices, got float64"),
        (ZEROS, ZEROS - 1, ValueError, r"`clusters` must be in 0\.\.0 for 1 classes, got -1"),
    ],
)  # fmt: skip
def test_purity_refuses(labels, clusters, error, message):
    with pytest.raises(error, match="^purity: " + message):
        purity(labels, clusters)
