import subprocess
import sys

import array_api_strict
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from diynn import plots
from diynn.arrays import namespace
from diynn.plots.canvas import PALETTE, close

LIBRARIES = pytest.mark.parametrize("xp", [np, array_api_strict], ids=["numpy", "strict"])


@pytest.fixture
def render(tmp_path):
    """Return a function that draws the figure of axes for good: some errors wait until then."""
    return lambda ax: ax.figure.savefig(tmp_path / "figure.png", dpi=30)


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


def run(code):
    subprocess.run([sys.executable, "-W", "error", "-c", "import sys; " + code], check=True)


def test_matplotlib_is_not_loaded_with_the_module():
    run("import diynn.plots; sys.exit('matplotlib' in sys.modules)")


def test_plots_are_reachable_after_import_diynn():
    run("import diynn; sys.exit(not callable(diynn.plots.images))")


EVERY = (
    "import numpy as np, matplotlib as m, diynn.plots as p; before = m.rcParams.copy();"
    "drawn = [p.learning_curve({'cost': [1.0], 'accuracy': [0.5]}), p.images([np.eye(64)]),"
    "p.confusion_matrix(np.asarray([0, 1]), np.asarray([1, 1])), p.main_effects({'a': [1, 2]}, [3, 4]),"
    "p.weights(np.eye(4)), p.weights(np.ones((3, 2, 2))), p.scatter(np.eye(3), np.arange(3)),"
    "p.decision_frontier(lambda x: x[:, 0], np.eye(2), np.asarray([0, 1]), resolution=5)];"
)


def test_a_script_that_does_not_use_pyplot_has_none_of_it_and_no_setting_changed():
    run(EVERY + "sys.exit('matplotlib.pyplot' in sys.modules or m.rcParams.copy() != before)")


@pytest.mark.parametrize(
    "watched", ["import matplotlib.pyplot", "sys.ps1 = '>>> '"], ids=["pyplot", "prompt"]
)
def test_figures_are_pyplots_where_somebody_looks(watched):
    run(
        f"import matplotlib; matplotlib.use('agg'); {watched}; {EVERY}"
        "import matplotlib.pyplot as plt;"
        "sys.exit([plt.figure(n) for n in plt.get_fignums()] != [ax.figure for ax in drawn])"
    )


def test_what_has_been_written_is_let_go():
    ax = plots.images([np.eye(64)])  # of pyplot, which this file imports
    assert pyplot.fignum_exists(ax.figure.number)
    close(ax.figure)
    assert not pyplot.fignum_exists(ax.figure.number)
    run("from diynn.plots.canvas import close; close(None); sys.exit('matplotlib' in sys.modules)")


def test_the_extra_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'figures need matplotlib: pip install "diynn\[demo\]"'):
        plots.learning_curve({"cost": [1.0]})


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: plots.learning_curve({"cost": [1.0], "accuracy": [0.5]}, ax=ax),
        lambda ax: plots.weights(np.eye(4), ax=ax),
        lambda ax: plots.weights(np.ones((3, 2, 2)), ax=ax),
        lambda ax: plots.images([np.eye(64)], ax=ax),
        lambda ax: plots.scatter(np.eye(2), np.arange(2), ax=ax),
        lambda ax: plots.confusion_matrix(np.asarray([0]), np.asarray([0]), ax=ax),
        lambda ax: plots.decision_frontier(
            lambda x: x[:, 0], np.eye(2), np.asarray([0, 1]), resolution=5, ax=ax
        ),
    ],
    ids=[
        "learning_curve",
        "weights",
        "filters",
        "images",
        "scatter",
        "confusion_matrix",
        "decision_frontier",
    ],
)
def test_figures_are_drawn_where_they_are_told_to_be_in_any_style(draw, render):
    for style in ("default", "dark_background", "grayscale"):
        with pyplot.style.context(style):
            ax = Figure().subplots()
            assert draw(ax) is ax
            render(ax)


# ------------------------------------------------------------------ learning_curve


def lines(ax):
    return {line.get_label(): line.get_xydata().tolist() for line in ax.get_lines()}


def test_learning_curve_of_costs_alone_has_one_panel(render):
    ax = plots.learning_curve({"cost": [3.0, 2.0], "validation_cost": [4.0, 3.5], "seconds": [0.1, 0.2]})
    assert ax.figure.axes == [ax]
    assert ax.get_title() == "Cost"
    assert ax.get_ylabel() == "mean cost of an example"
    assert ax.get_xlabel() == "epoch"
    assert lines(ax) == {"training": [[1, 3], [2, 2]], "validation": [[1, 4], [2, 3.5]]}
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "validation"]
    assert [line.get_linestyle() for line in ax.get_lines()] == ["-", "--"]  # seen in black and white
    render(ax)


def test_learning_curve_puts_a_metric_to_the_right(render):
    history = {"epoch": [5, 6], "cost": [3.0, 2.0], "accuracy": [0.5, 0.7], "validation_accuracy": [0.4, 0.6]}
    left, right = plots.learning_curve(history).figure.axes
    assert lines(left) == {"training": [[5, 3], [6, 2]]}
    assert (right.get_title(), right.get_ylabel()) == ("Accuracy", "accuracy")
    assert lines(right) == {"training": [[5, 0.5], [6, 0.7]], "validation": [[5, 0.4], [6, 0.6]]}
    render(left)


def test_learning_curve_names_metrics_where_there_are_several():
    left = plots.learning_curve({"cost": [1.0], "accuracy": [0.5], "validation_top_3": [0.9]})
    right = left.figure.axes[1]
    assert lines(right) == {"accuracy, training": [[1, 0.5]], "top 3, validation": [[1, 0.9]]}


def test_learning_curve_of_one_epoch_is_visible():
    (line,) = plots.learning_curve({"cost": [1.0]}).get_lines()
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
    ax = plots.confusion_matrix(labels, predictions, 4)
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
    render(ax)


def test_confusion_matrix_refuses_what_cannot_be_counted():
    with pytest.raises(ValueError, match=r"`labels` must be in 0\.\.1 for 2 classes, got 2\.\.2"):
        plots.confusion_matrix(np.asarray([2]), np.asarray([0]), 2)


# ------------------------------------------------------------------ images


def corners(ax):
    """Return where each image begins, (left, top)."""
    return [(image.get_extent()[0] + 0.5, image.get_extent()[3] + 0.5) for image in ax.images]


@LIBRARIES
def test_images_are_laid_out_row_by_row(xp, render):
    first = np.arange(24.0).reshape(2, 12)
    second = np.arange(24.0, 60).reshape(3, 12)
    ax = plots.images([xp.asarray(first), xp.asarray(second)], shape=(3, 4), titles=["original", "copy"])
    assert corners(ax) == [(0, 0), (5, 0), (0, 4), (5, 4), (10, 4)]
    for image, picture in zip(ax.images, (*first, *second), strict=True):
        np.testing.assert_array_equal(image.get_array(), picture.reshape(3, 4))
    assert ax.get_yticks().tolist() == [1, 5]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["original", "copy"]
    render(ax)


def test_every_image_has_its_whole_frame(render):
    """Also those of the last row and column, which the edge of the axes would cut."""
    ax = plots.images([np.eye(64)[:3], np.eye(64)[:2]])
    render(ax)
    assert len(ax.patches) == 5
    for image, frame in zip(ax.images, ax.patches, strict=True):
        left, right, bottom, top = image.get_extent()
        assert frame.get_bbox().extents.tolist() == [left, top, right, bottom]
        assert not frame.get_clip_on()
    assert ax.get_xlim() == (ax.patches[0].get_x(), ax.patches[2].get_x() + 8)  # and nothing is empty
    assert ax.get_ylim() == (ax.patches[-1].get_y() + 8, ax.patches[0].get_y())


@pytest.mark.parametrize(("rows", "columns"), [(1, 10), (3, 10), (6, 2)])
def test_a_mosaic_fills_its_figure(rows, columns):
    ax = plots.images([np.eye(64)[:columns]] * rows, titles=["a row of images"] * rows)
    ax.figure.draw_without_rendering()
    inked = ax.get_tightbbox().bounds
    assert 0.8 * ax.figure.bbox.width < inked[2] <= ax.figure.bbox.width
    assert 0.75 * ax.figure.bbox.height < inked[3] <= ax.figure.bbox.height
    assert inked[0] >= 0


def test_the_first_row_sets_the_scale():
    """What a reconstruction has beyond the originals does not make them grey."""
    first, second = np.linspace(0, 1, 64)[None], np.linspace(-2, 5, 64)[None]
    assert {image.get_clim() for image in plots.images([first, second]).images} == {(0, 1)}
    assert {image.get_clim() for image in plots.images([first], limits=(0, 16)).images} == {(0, 16)}
    constant = plots.images([np.zeros((1, 64)), np.full((1, 64), 3.0)])
    assert {image.get_clim() for image in constant.images} == {(0, 3)}


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
    ax = plots.weights(xp.asarray(weight))
    assert len(ax.images) == 5
    for output, image in enumerate(ax.images):
        np.testing.assert_array_equal(image.get_array(), weight[:, output].reshape(3, 3))
        assert image.get_clim() == (-np.abs(weight).max(), np.abs(weight).max())
    assert ax.figure.axes[1].get_ylabel() == "weight"
    render(ax)


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (5, 5), (6, 3), (7, 4), (10, 5), (32, 8), (100, 10)])
def test_weights_leave_few_places_empty(count, columns):
    ax = plots.weights(np.ones((4, count)))
    assert len({left for left, _ in corners(ax)}) == columns


def test_weights_take_the_shape_of_an_image(render):
    ax = plots.weights(np.zeros((6, 1)), (2, 3))
    assert ax.images[0].get_array().shape == (2, 3)
    render(ax)


@LIBRARIES
def test_weights_of_a_convolution_are_a_column_an_output_channel(xp, render):
    weight = np.random.default_rng(0).normal(size=(4, 2, 3))
    ax = plots.weights(xp.asarray(weight))
    table = ax.images[0].get_array()
    np.testing.assert_array_equal(table[:4], weight[:, 0])
    np.testing.assert_array_equal(table[5:], weight[:, 1])
    assert np.ma.count(table[4]) == 0  # between the input channels
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "1", "2", "3"] * 2
    assert ax.get_yticks().tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    assert "2 input channels" in ax.get_ylabel()
    render(ax)


def test_the_sign_of_a_weight_is_seen_in_black_and_white():
    image = plots.weights(np.asarray([[-1.0], [0.0], [0.5], [1.0]])).images[0]
    negative, zero, half, positive = image.to_rgba(image.get_array(), norm=True).reshape(4, 4)[:, :3] @ (
        0.299,
        0.587,
        0.114,
    )
    assert negative < zero < half < positive
    assert positive - negative > 0.5


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


# ------------------------------------------------------------------ scatter


@LIBRARIES
@pytest.mark.parametrize("coordinates", [2, 3])
def test_scatter_has_a_colour_and_a_marker_a_class(xp, coordinates, render):
    points = np.arange(10.0 * coordinates).reshape(10, coordinates)
    ax = plots.scatter(xp.asarray(points), xp.arange(10))
    assert (ax.name == "3d") == (coordinates == 3)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list("0123456789")
    assert len({tuple(each.get_facecolor()[0]) for each in ax.collections}) == 10
    assert len({each.get_paths()[0].vertices.tobytes() for each in ax.collections}) == 10
    render(ax)


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        (np.zeros((3, 4)), np.arange(3), r"`points` must have shape \(n, 2\) or \(n, 3\), got \(3, 4\)"),
        (np.zeros((3, 2)), np.arange(4), r"`labels` must have shape \(3,\), got \(4,\)"),
    ],
)
def test_scatter_refuses(points, labels, message):
    with pytest.raises(ValueError, match="^scatter: " + message):
        plots.scatter(points, labels)


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

    ax = plots.decision_frontier(predict, x, xp.asarray(LABELS), resolution=30)
    scale = ax.figure.axes[1]
    (frontier,) = [path for each in ax.collections[1:2] for path in each.get_paths()]
    np.testing.assert_allclose(frontier.vertices[:, 0], 0.5, atol=1e-6)
    # The score goes from -0.08 to 1.08; the scale goes as far, both ways from 0.5, rounded up to two digits.
    assert scale.get_ylim() == pytest.approx((-0.08, 1.08), abs=0.011)
    assert ax.get_xlim() == pytest.approx((-0.08, 1.08))
    assert ax.get_ylim() == pytest.approx((-0.24, 3.24))
    render(ax)


@pytest.mark.parametrize(
    "y",
    [LABELS, LABELS[:, None], 2 * LABELS - 1, LABELS.astype(float), LABELS > 0, np.eye(2)[LABELS]],
    ids=["indices", "column", "signs", "floats", "booleans", "one-hot"],
)
def test_points_are_drawn_by_class(y):
    drawn = drawn_points(plots.decision_frontier(lambda grid: grid[:, 0], POINTS, y, resolution=5))
    assert drawn == {
        "class 0": (POINTS[[0, 2]].tolist(), to_rgba("#0072B2")),
        "class 1": (POINTS[[1, 3]].tolist(), to_rgba("#D55E00")),
    }


def test_frontier_of_a_probability_is_on_a_scale_from_0_to_1():
    ax = plots.decision_frontier(lambda grid: np.clip(grid[:, 0], 0, 1), POINTS, LABELS, resolution=5)
    assert ax.figure.axes[1].get_ylim() == (0, 1)


def test_constant_score_has_no_frontier(render):
    for value in (0.5, 0.9):
        ax = plots.decision_frontier(lambda grid, v=value: grid[:, 0] * 0 + v, POINTS, LABELS, resolution=5)
        assert len(ax.collections) == 1 + 2  # the shades and the points of two classes
        render(ax)


def test_regions_are_where_a_class_has_the_largest_score(render):
    # Three bands of x_1: class 0 below 0.25, class 2 to 0.75, class 1 above; class 3 nowhere.
    def predict(grid):
        x = grid[:, 0]
        return np.stack([0.25 - x, 3 * x - 1.5, x - x, x - 9], axis=1) @ np.diag([1.0, 1 / 3, 1.0, 1.0])

    ax = plots.decision_frontier(predict, POINTS, np.asarray([0, 1, 0, 2]), resolution=59)
    regions = [each for each in ax.collections if each.get_alpha() == 0.3]
    spans = {}
    for region in regions:
        across = np.concatenate([path.vertices[:, 0] for path in region.get_paths()])
        spans[tuple(region.get_facecolor()[0, :3])] = (across.min(), across.max())
    colours = [to_rgba(colour)[:3] for colour in PALETTE]
    assert list(spans) == colours[:3]
    assert spans[colours[0]] == pytest.approx((-0.08, 0.25), abs=0.02)
    assert spans[colours[2]] == pytest.approx((0.25, 0.5), abs=0.02)
    assert spans[colours[1]] == pytest.approx((0.5, 1.08), abs=0.02)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["class 0", "class 1", "class 2"]
    render(ax)


def test_a_tie_belongs_to_nobody(render):
    ax = plots.decision_frontier(lambda grid: np.zeros((len(grid), 3)), POINTS, LABELS, resolution=5)
    assert len(ax.collections) == 2
    render(ax)


def test_a_single_point_has_room_around_it(render):
    ax = plots.decision_frontier(lambda grid: grid[:, 0], POINTS[1:2], LABELS[1:2], resolution=5)
    assert ax.get_xlim() == (0, 2)
    assert ax.get_ylim() == (2, 4)
    render(ax)


def test_the_legend_hides_neither_the_title_nor_the_name_of_the_axis_nor_a_point(render):
    ax = plots.decision_frontier(lambda grid: grid[:, 0], POINTS, LABELS, resolution=5)
    ax.set_title("a title")
    ax.figure.draw_without_rendering()
    legend = ax.get_legend().get_window_extent()
    assert legend.y1 < ax.xaxis.label.get_window_extent().y0
    assert legend.y0 >= 0
    assert legend.y1 < ax.get_window_extent().y0 < ax.title.get_window_extent().y0


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
