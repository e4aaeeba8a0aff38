import subprocess
import sys

import array_api_strict
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from diynn import plots
from diynn.arrays import namespace

LIBRARIES = pytest.mark.parametrize("xp", [np, array_api_strict], ids=["numpy", "strict"])


@pytest.fixture
def render(tmp_path):
    """Return a function that draws a figure for good: some errors wait until then."""
    return lambda figure: figure.savefig(tmp_path / "figure.png", dpi=30)


def run(code):
    subprocess.run([sys.executable, "-c", "import sys; " + code], check=True)


def test_matplotlib_is_not_loaded_with_the_module():
    run("import diynn.plots; sys.exit('matplotlib' in sys.modules)")


def test_figures_touch_neither_pyplot_nor_the_settings():
    run(
        "import numpy as np, matplotlib as m, diynn.plots as p; before = m.rcParams.copy();"
        "p.learning_curve({'cost': [1.0], 'accuracy': [0.5]}); p.images([np.eye(64)]);"
        "p.confusion_matrix(np.asarray([0, 1]), np.asarray([1, 1]));"
        "p.weights(np.eye(4)); p.weights(np.ones((3, 2, 2)));"
        "p.decision_frontier(lambda x: x[:, 0], np.eye(2), np.asarray([0, 1]), resolution=5);"
        "sys.exit('matplotlib.pyplot' in sys.modules or m.rcParams.copy() != before)"
    )


def test_the_extra_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'figures need matplotlib: pip install "diynn\[demo\]"'):
        plots.learning_curve({"cost": [1.0]})


def test_figures_are_drawn_where_they_are_told_to_be():
    figure = Figure()
    assert plots.learning_curve({"cost": [1.0]}, figure=figure) is figure
    assert plots.weights(np.eye(4), figure=Figure()) is not figure
    ax = Figure().subplots()
    for drawn in (
        plots.images([np.eye(64)], ax=ax),
        plots.confusion_matrix(np.asarray([0]), np.asarray([0]), ax=ax),
        plots.decision_frontier(lambda x: x[:, 0], np.eye(2), np.asarray([0, 1]), resolution=5, ax=ax),
    ):
        assert drawn is ax.figure


# ------------------------------------------------------------------ learning_curve


def lines(ax):
    return {line.get_label(): line.get_xydata().tolist() for line in ax.get_lines()}


def test_learning_curve_of_costs_alone_has_one_panel(render):
    figure = plots.learning_curve({"cost": [3.0, 2.0], "validation_cost": [4.0, 3.5], "seconds": [0.1, 0.2]})
    (ax,) = figure.axes
    assert ax.get_title() == "Cost"
    assert ax.get_xlabel() == "epoch"
    assert lines(ax) == {"training": [[1, 3], [2, 2]], "validation": [[1, 4], [2, 3.5]]}
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "validation"]
    render(figure)


def test_learning_curve_puts_a_metric_to_the_right(render):
    history = {"epoch": [5, 6], "cost": [3.0, 2.0], "accuracy": [0.5, 0.7], "validation_accuracy": [0.4, 0.6]}
    figure = plots.learning_curve(history)
    left, right = figure.axes
    assert lines(left) == {"training": [[5, 3], [6, 2]]}
    assert right.get_title() == "Accuracy"
    assert lines(right) == {"training": [[5, 0.5], [6, 0.7]], "validation": [[5, 0.4], [6, 0.6]]}
    render(figure)


def test_learning_curve_names_metrics_where_there_are_several():
    right = plots.learning_curve({"cost": [1.0], "accuracy": [0.5], "validation_top_3": [0.9]}).axes[1]
    assert lines(right) == {"accuracy, training": [[1, 0.5]], "top 3, validation": [[1, 0.9]]}


def test_learning_curve_of_one_epoch_is_visible():
    (line,) = plots.learning_curve({"cost": [1.0]}).axes[0].get_lines()
    assert line.get_marker() == "o"


def test_learning_curve_refuses_a_history_without_cost_or_with_holes():
    with pytest.raises(ValueError, match=r"learning_curve: `history` must hold 'cost', got \['accuracy'\]"):
        plots.learning_curve({"accuracy": [1.0]})
    with pytest.raises(
        ValueError, match="one value an epoch under each name, got 2 of 'cost' and 1 of 'accuracy'"
    ):
        plots.learning_curve({"cost": [1.0, 2.0], "accuracy": [0.5]})


# ------------------------------------------------------------------ confusion_matrix


@LIBRARIES
def test_confusion_matrix_writes_each_count_in_its_cell(xp, render):
    labels, predictions = xp.asarray([0, 0, 0, 1, 2, 2]), xp.asarray([0, 0, 1, 1, 0, 2])
    figure = plots.confusion_matrix(labels, predictions, 4)
    (ax,) = figure.axes
    # A text stands at (column, row): (predicted, true).
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert len(written) == 16
    assert {place: count for place, count in written.items() if count != "0"} == {
        (0, 0): "2", (1, 0): "1", (1, 1): "1", (0, 2): "1", (2, 2): "1",
    }  # fmt: skip
    assert ax.get_ylabel() == "true class"
    assert ax.get_xlabel() == "predicted class"
    assert ax.get_title() == "4 right of 6"
    np.testing.assert_allclose(ax.images[0].get_array()[0], [2 / 3, 1 / 3, 0, 0])
    np.testing.assert_array_equal(ax.images[0].get_array()[3], 0)
    render(figure)


def test_confusion_matrix_refuses_what_cannot_be_counted():
    with pytest.raises(ValueError, match=r"`labels` must be in 0\.\.1 for 2 classes, got 2\.\.2"):
        plots.confusion_matrix(np.asarray([2]), np.asarray([0]), 2)


# ------------------------------------------------------------------ images


@LIBRARIES
def test_images_are_laid_out_row_by_row(xp, render):
    first = np.arange(24.0).reshape(2, 12)
    second = np.arange(24.0, 60).reshape(3, 12)
    figure = plots.images([xp.asarray(first), xp.asarray(second)], shape=(3, 4), titles=["original", "copy"])
    (ax,) = figure.axes
    drawn = ax.images[0].get_array()
    assert drawn.shape == (3 + 1 + 3, 4 + 1 + 4 + 1 + 4)
    for i, row in enumerate((first, second)):
        for j, picture in enumerate(row.reshape(-1, 3, 4)):
            np.testing.assert_array_equal(drawn[4 * i : 4 * i + 3, 5 * j : 5 * j + 4], picture)
    # All that is left is empty: the lines between, and the third image of the first row.
    assert np.ma.count(drawn) == 60
    assert len(ax.patches) == 5
    assert ax.get_yticks().tolist() == [1, 5]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["original", "copy"]
    render(figure)


def test_images_share_one_scale():
    drawn = plots.images([np.zeros((1, 64)), np.full((1, 64), 3.0)]).axes[0].images[0]
    assert drawn.get_clim() == (0, 3)


@pytest.mark.parametrize(
    ("rows", "titles", "message"),
    [
        ([np.zeros((2, 64)), np.zeros((2, 63))], None,
         r"`rows` must be a sequence of arrays \(n, 64\) for images of shape \(8, 8\), got \(2, 63\) at 1"),
        (np.zeros((2, 64)), None, r"`rows` must be a sequence of arrays \(n, 64\) .*, got \(64,\) at 0"),
        ([], None, r"`rows` must hold at least one image, got none"),
        ([np.zeros((0, 64))], None, r"`rows` must hold at least one image, got none"),
        ([np.zeros((1, 64))], ["a", "b"], r"`titles` must have one title a row, got 2 titles for 1 rows"),
    ],
)  # fmt: skip
def test_images_refuses(rows, titles, message):
    with pytest.raises(ValueError, match="^images: " + message):
        plots.images(rows, titles=titles)


# ------------------------------------------------------------------ weights


@LIBRARIES
def test_weights_of_a_linear_layer_are_an_image_an_output(xp, render):
    weight = np.random.default_rng(0).normal(size=(9, 5))
    figure = plots.weights(xp.asarray(weight))
    drawn = figure.axes[0].images[0]
    assert drawn.get_array().shape == (3 + 1 + 3, 3 + 1 + 3 + 1 + 3)
    np.testing.assert_array_equal(drawn.get_array()[:3, 4:7], weight[:, 1].reshape(3, 3))
    np.testing.assert_array_equal(drawn.get_array()[4:, :3], weight[:, 3].reshape(3, 3))
    assert drawn.get_clim() == (-np.abs(weight).max(), np.abs(weight).max())
    assert figure.axes[1].get_ylabel() == "weight"
    render(figure)


def test_weights_take_the_shape_of_an_image(render):
    figure = plots.weights(np.zeros((6, 1)), (2, 3))
    assert figure.axes[0].images[0].get_array().shape == (2, 3)
    render(figure)


@LIBRARIES
def test_weights_of_a_convolution_are_a_panel_an_output_channel(xp, render):
    weight = np.random.default_rng(0).normal(size=(4, 2, 3))
    figure = plots.weights(xp.asarray(weight))
    assert [ax.get_title() for ax in figure.axes] == ["0", "1", "2"]
    for channel, ax in enumerate(figure.axes):
        curves = lines(ax)
        for source in range(2):
            expected = np.stack([np.arange(4), weight[:, source, channel]], axis=1)
            np.testing.assert_array_equal(curves[f"input {source}"], expected)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["input 0", "input 1"]
    render(figure)


@pytest.mark.parametrize(
    ("parameters", "shape", "message"),
    [
        (
            np.zeros(4),
            None,
            r"`parameters` must have shape \(in, out\) or \(k_size, chan_in, chan_out\), .* \(4,\)",
        ),
        (np.zeros((4, 0)), None, r"`parameters` must have shape .*, none of them zero, got \(4, 0\)"),
        (
            np.zeros((6, 2)),
            None,
            r"`parameters` must have a square number of \(or give `shape`\) inputs, got 6",
        ),
        (np.zeros((6, 2)), (2, 2), r"`parameters` must have 2 \* 2 = 4 inputs, got 6"),
    ],
)
def test_weights_refuses(parameters, shape, message):
    with pytest.raises(ValueError, match="^weights: " + message):
        plots.weights(parameters, shape)


# ------------------------------------------------------------------ decision_frontier


POINTS = np.asarray([[0.0, 0.0], [1.0, 3.0], [0.2, 2.0], [0.8, 1.0]])
LABELS = np.asarray([0, 1, 0, 1])


def drawn_points(ax):
    """Return the points of each class, and the colour they are drawn in."""
    scatters = [each for each in ax.collections if isinstance(each, PathCollection)]
    return {
        each.get_label(): (each.get_offsets().tolist(), tuple(each.get_facecolor()[0])) for each in scatters
    }


@LIBRARIES
@pytest.mark.parametrize("column", [False, True])
def test_frontier_of_a_score_is_where_it_crosses_the_threshold(xp, column, render):
    x = xp.asarray(POINTS, dtype=xp.float32)

    def predict(grid):
        assert namespace(grid) is namespace(x)
        assert grid.dtype == x.dtype
        assert grid.shape == (30 * 30, 2)
        return grid[:, 0:1] if column else grid[:, 0]

    figure = plots.decision_frontier(predict, x, xp.asarray(LABELS), resolution=30)
    ax, scale = figure.axes
    (frontier,) = [path for each in ax.collections[1:2] for path in each.get_paths()]
    np.testing.assert_allclose(frontier.vertices[:, 0], 0.5, atol=1e-6)
    # The score goes from -0.08 to 1.08; the scale goes as far, both ways from 0.5, rounded up to two digits.
    assert scale.get_ylim() == pytest.approx((-0.08, 1.08), abs=0.011)
    assert ax.get_xlim() == pytest.approx((-0.08, 1.08))
    assert ax.get_ylim() == pytest.approx((-0.24, 3.24))
    render(figure)


@pytest.mark.parametrize(
    "y",
    [LABELS, LABELS[:, None], 2 * LABELS - 1, LABELS.astype(float), LABELS > 0, np.eye(2)[LABELS]],
    ids=["indices", "column", "signs", "floats", "booleans", "one-hot"],
)
def test_points_are_drawn_by_class(y):
    figure = plots.decision_frontier(lambda grid: grid[:, 0], POINTS, y, resolution=5)
    drawn = drawn_points(figure.axes[0])
    assert drawn == {
        "class 0": (POINTS[[0, 2]].tolist(), to_rgba("#0072B2")),
        "class 1": (POINTS[[1, 3]].tolist(), to_rgba("#D55E00")),
    }


def test_frontier_of_a_probability_is_on_a_scale_from_0_to_1():
    figure = plots.decision_frontier(lambda grid: np.clip(grid[:, 0], 0, 1), POINTS, LABELS, resolution=5)
    assert figure.axes[1].get_ylim() == (0, 1)


def test_constant_score_has_no_frontier(render):
    for value in (0.5, 0.9):
        figure = plots.decision_frontier(
            lambda grid, v=value: grid[:, 0] * 0 + v, POINTS, LABELS, resolution=5
        )
        assert len(figure.axes[0].collections) == 1 + 2  # the shades and the points of two classes
        render(figure)


def test_regions_are_where_a_class_has_the_largest_score(render):
    # Three bands of x_1: class 0 below 0.25, class 2 to 0.75, class 1 above; class 3 nowhere.
    def predict(grid):
        x = grid[:, 0]
        return np.stack([0.25 - x, 3 * x - 1.5, x - x, x - 9], axis=1) @ np.diag([1.0, 1 / 3, 1.0, 1.0])

    figure = plots.decision_frontier(predict, POINTS, np.asarray([0, 1, 0, 2]), resolution=59)
    (ax,) = figure.axes
    regions = [each for each in ax.collections if each.get_alpha() == 0.3]
    spans = {}
    for region in regions:
        across = np.concatenate([path.vertices[:, 0] for path in region.get_paths()])
        spans[tuple(region.get_facecolor()[0, :3])] = (across.min(), across.max())
    colours = [to_rgba(colour)[:3] for colour in plots._PALETTE]
    assert list(spans) == colours[:3]
    assert spans[colours[0]] == pytest.approx((-0.08, 0.25), abs=0.02)
    assert spans[colours[2]] == pytest.approx((0.25, 0.5), abs=0.02)
    assert spans[colours[1]] == pytest.approx((0.5, 1.08), abs=0.02)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["class 0", "class 1", "class 2"]
    render(figure)


def test_a_tie_belongs_to_nobody(render):
    figure = plots.decision_frontier(lambda grid: np.zeros((len(grid), 3)), POINTS, LABELS, resolution=5)
    assert len(figure.axes[0].collections) == 2
    render(figure)


def test_a_single_point_has_room_around_it(render):
    figure = plots.decision_frontier(lambda grid: grid[:, 0], POINTS[1:2], LABELS[1:2], resolution=5)
    assert figure.axes[0].get_xlim() == (0, 2)
    assert figure.axes[0].get_ylim() == (2, 4)
    render(figure)


@pytest.mark.parametrize(
    ("predict", "x", "y", "message"),
    [
        (None, np.zeros((4, 3)), LABELS, r"`x` must have shape \(batch, 2\), batch > 0, got \(4, 3\)"),
        (None, np.zeros((0, 2)), LABELS, r"`x` must have shape \(batch, 2\), batch > 0, got \(0, 2\)"),
        (None, POINTS, LABELS[:3], r"`y` must have shape \(batch,\), .* with batch = 4, got \(3,\)"),
        (lambda grid: 1.0, POINTS, LABELS, r"`predict` must return shape \(n,\), .* with n = 25, got \(\)"),
        (lambda grid: grid[:3], POINTS, LABELS, r"`predict` must return shape .* with n = 25, got \(3, 2\)"),
        (
            lambda grid: grid * np.nan,
            POINTS,
            LABELS,
            r"`predict` must return finite scores, got NaN or infinity",
        ),
    ],
)
def test_decision_frontier_refuses(predict, x, y, message):
    with pytest.raises(ValueError, match="^decision_frontier: " + message):
        plots.decision_frontier(predict, x, y, resolution=5)
