import subprocess
import sys

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diynn import data
from diynn.arrays import device, namespace, to_numpy
from diynn.execution.blocks import cut

STRICT_DEVICE = array_api_strict.Device("device1")
LIBRARIES = pytest.mark.parametrize("xp", [np, array_api_strict], ids=["numpy", "strict"])


def strict(values, **options):
    return array_api_strict.asarray(values, device=STRICT_DEVICE, **options)


# ------------------------------------------------------------------ one_hot


@LIBRARIES
@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "uint64"])
def test_one_hot_writes_a_one_in_the_column_of_the_label(xp, dtype):
    labels = xp.asarray([2, 0, 3], dtype=getattr(xp, dtype))
    hot = data.one_hot(labels)
    assert hot.dtype == xp.float64
    np.testing.assert_array_equal(to_numpy(hot), [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])


@LIBRARIES
def test_one_hot_takes_the_number_of_classes_and_the_dtype(xp):
    hot = data.one_hot(xp.asarray([1, 0]), 3, dtype="float32")
    assert hot.dtype == xp.float32
    np.testing.assert_array_equal(to_numpy(hot), [[0, 1, 0], [1, 0, 0]])


def test_one_hot_has_room_for_more_classes_than_the_dtype_of_the_labels():
    hot = data.one_hot(np.asarray([255], dtype=np.uint8), 300)
    assert hot.shape == (1, 300)
    assert np.flatnonzero(hot).tolist() == [255]


def test_one_hot_stays_on_the_device_of_the_labels():
    hot = data.one_hot(strict([0, 1]))
    assert namespace(hot) is array_api_strict
    assert device(hot) == STRICT_DEVICE


def test_one_hot_of_no_labels():
    assert data.one_hot(np.zeros(0, dtype=np.int64), 4).shape == (0, 4)
    with pytest.raises(ValueError, match="one_hot: `classes` must be given where `labels` is empty"):
        data.one_hot(np.zeros(0, dtype=np.int64))


@pytest.mark.parametrize(
    ("labels", "classes", "error", "message"),
    [
        ([0, 1], None, TypeError, r"one_hot: `labels` must be an array, got list; diynn\.asarray"),
        (np.asarray([0.0, 1.0]), None, TypeError, r"one_hot: `labels` must be integers, got float64"),
        (np.asarray([True]), None, TypeError, r"one_hot: `labels` must be integers, got bool"),
        (
            np.asarray([[0], [1]]),
            2,
            ValueError,
            r"one_hot: `labels` must have shape \(batch,\), got \(2, 1\)",
        ),
        (np.asarray([0, 3]), 3, ValueError, r"`labels` must be in 0\.\.2 for 3 classes, got 0\.\.3"),
        (np.asarray([0, -1]), 3, ValueError, r"`labels` must be in 0\.\.2 for 3 classes, got -1\.\.0"),
        (np.asarray([-2, -1]), None, ValueError, r"`labels` must be in 0\.\.0 for 1 classes, got -2\.\.-1"),
        (np.asarray([0]), 0, ValueError, r"one_hot: `classes` must be a positive integer, got 0"),
        (np.asarray([0]), 2.0, TypeError, r"one_hot: `classes` must be a positive integer, got 2\.0"),
    ],
)
def test_one_hot_refuses(labels, classes, error, message):
    with pytest.raises(error, match=message):
        data.one_hot(labels, classes)


# ------------------------------------------------------------------ batches


@LIBRARIES
@given(
    n=st.integers(0, 30),
    batch_size=st.integers(1, 40),
    rng=st.none() | st.integers(0, 2**32),
)
def test_batches_have_every_pair_exactly_once(xp, n, batch_size, rng):
    x = xp.reshape(xp.arange(3 * n, dtype=xp.float64), (n, 3))
    y = 10 * xp.arange(n)
    pairs = list(data.batches(x, y, batch_size, rng=rng))
    sizes = [batch_x.shape[0] for batch_x, _ in pairs]
    assert sizes == [batch_size] * (n // batch_size) + [n % batch_size] * (n % batch_size > 0)
    seen = []
    for batch_x, batch_y in pairs:
        assert batch_x.dtype == x.dtype
        assert batch_y.dtype == y.dtype
        host = to_numpy(batch_y)
        np.testing.assert_array_equal(to_numpy(batch_x), np.add.outer(host * 3 / 10, np.arange(3)))
        seen += host.tolist()
    assert (seen if rng is None else sorted(seen)) == to_numpy(y).tolist()


def order_of(batches):
    return [value for _, batch_y in batches for value in to_numpy(batch_y).tolist()]


@given(st.integers(0, 2**32))
def test_batches_of_one_seed_come_in_one_order_in_every_library(seed):
    x, y = np.zeros((50, 2)), np.arange(50)
    order = order_of(data.batches(x, y, 8, rng=seed))
    assert order == np.random.default_rng(seed).permutation(50).tolist()
    assert order == order_of(data.batches(x, y, 20, rng=np.random.default_rng(seed)))
    assert order == order_of(data.batches(strict(x), strict(y), 8, rng=seed))
    assert order != order_of(data.batches(x, y, 8, rng=seed + 1))


def test_a_generator_shuffles_differently_every_time():
    x, y, rng = np.zeros((50, 2)), np.arange(50), np.random.default_rng(0)
    assert order_of(data.batches(x, y, 8, rng=rng)) != order_of(data.batches(x, y, 8, rng=rng))


def test_batches_in_order_copy_nothing():
    x, y = np.zeros((5, 2)), np.arange(5)
    for batch_x, batch_y in data.batches(x, y, 2):
        assert np.shares_memory(batch_x, x)
        assert np.shares_memory(batch_y, y)


def test_batches_stay_on_the_device_of_the_data():
    for rng in (None, 0):
        batch_x, batch_y = next(data.batches(strict([[1.0], [2.0]]), strict([0, 1]), 2, rng=rng))
        assert device(batch_x) == device(batch_y) == STRICT_DEVICE


X = np.zeros((4, 2))


# `batches` is called, not iterated: what is wrong is said by the call.
@pytest.mark.parametrize(
    ("x", "y", "batch_size", "error", "message"),
    [
        (X, np.zeros(3), 2, ValueError, r"`x` and `y` must have one length, got shapes \(4, 2\) and \(3,\)"),
        (X, np.zeros(()), 2, ValueError, r"`x` and `y` must have one length, got shapes \(4, 2\) and \(\)"),
        (X, X, 0, ValueError, r"batches: `batch_size` must be a positive integer, got 0"),
        (X, X, -2, ValueError, r"batches: `batch_size` must be a positive integer, got -2"),
        (X, X, 2.0, TypeError, r"batches: `batch_size` must be a positive integer, got 2\.0"),
        (X, strict(X), 2, ValueError, r"batches: `y` is an array_api_strict array on .* and `x` a numpy"),
        ([[1.0]], X, 2, TypeError, r"batches: `x` must be an array, got list"),
        (X, [0, 1, 0, 1], 2, TypeError, r"batches: `y` must be an array, got list"),
    ],
)
def test_batches_refuses(x, y, batch_size, error, message):
    with pytest.raises(error, match=message):
        data.batches(x, y, batch_size)


# ------------------------------------------------------------------ noisy


@LIBRARIES
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_noise_has_the_deviation_asked_for_and_the_kind_of_the_data(xp, dtype):
    x = xp.full((100, 300), 0.5, dtype=getattr(xp, dtype))
    noise = to_numpy(data.noisy(x, 0.3, rng=0, limits=None)) - 0.5
    assert data.noisy(x, 0.3).dtype == x.dtype
    # Within four standard errors of 30,000 draws.
    assert abs(noise.mean()) < 4 * 0.3 / 30_000**0.5
    assert abs(noise.std() / 0.3 - 1) < 4 / (2 * 30_000) ** 0.5
    np.testing.assert_array_equal(to_numpy(x), 0.5)


def test_noise_is_clipped_to_the_range_of_the_data():
    x = np.linspace(0, 1, 1000)
    free = data.noisy(x, 0.5, rng=0, limits=None)
    np.testing.assert_array_equal(data.noisy(x, 0.5, rng=0), np.clip(free, 0, 1))
    np.testing.assert_array_equal(data.noisy(x, 0.5, rng=0, limits=(0.2, 2)), np.clip(free, 0.2, 2))
    np.testing.assert_array_equal(data.noisy(x, 0.0, rng=0), x)


def test_a_seed_gives_one_noise_everywhere_and_a_generator_fresh_noise():
    x, rng = np.ones((4, 3)), np.random.default_rng(0)
    first, second = data.noisy(x, 0.1, rng=rng, limits=None), data.noisy(x, 0.1, rng=rng, limits=None)
    np.testing.assert_array_equal(data.noisy(x, 0.1, rng=0, limits=None), first)
    moved = data.noisy(strict(x), 0.1, rng=0, limits=None)
    assert device(moved) == STRICT_DEVICE
    np.testing.assert_array_equal(to_numpy(moved), first)
    assert not np.any(first == second)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([0.5], 0.1), {}, TypeError, r"`x` must be an array, got list"),
        ((np.ones(3, dtype=int), 0.1), {}, TypeError, r"`x` must be of a real floating dtype, got int64"),
        ((np.ones(3), -0.1), {}, ValueError, r"`scale` must be a number, 0 or more, got -0\.1"),
        ((np.ones(3), np.nan), {}, ValueError, r"`scale` must be a number, 0 or more, got nan"),
        (
            (np.ones(3), 0.1),
            {"limits": (1, 0)},
            ValueError,
            r"`limits` must be \(low, high\) .*, got \(1, 0\)",
        ),
    ],
)
def test_noisy_refuses(arguments, options, error, message):
    with pytest.raises(error, match="^noisy: " + message):
        data.noisy(*arguments, **options)


# ------------------------------------------------------------------ toy sets


TOYS = pytest.mark.parametrize("toy", [data.two_gaussians, data.four_gaussians, data.checkerboard])


@TOYS
def test_toy_sets_are_points_of_the_plane_with_labels_0_and_1(toy):
    x, y = toy(201, rng=0)
    assert x.shape == (201, 2)
    assert x.dtype == np.float64
    assert y.shape == (201,)
    assert y.dtype == np.int64
    assert set(y.tolist()) == {0, 1}
    assert 80 < y.sum() < 120


@TOYS
def test_toy_sets_are_drawn_from_the_seed_or_the_generator(toy):
    x, y = toy(20, rng=3)
    again, same = toy(20, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(x, again)
    np.testing.assert_array_equal(y, same)
    assert not np.array_equal(x, toy(20, rng=4)[0])
    assert not np.array_equal(toy(20)[0], toy(20)[0])


@TOYS
def test_toy_sets_refuse_what_is_no_number_of_points(toy):
    with pytest.raises(ValueError, match=f"{toy.__name__}: `n` must be a positive integer, got 0"):
        toy(0)
    with pytest.raises(TypeError, match=f"{toy.__name__}: `n` must be a positive integer, got 1.5"):
        toy(1.5)


@pytest.mark.parametrize("toy", [data.two_gaussians, data.four_gaussians])
def test_clouds_refuse_a_negative_spread(toy):
    with pytest.raises(ValueError, match=f"{toy.__name__}: `spread` must be a number, 0 or more, got -1"):
        toy(4, spread=-1)


def test_two_gaussians_are_separated_by_a_line():
    x, y = data.two_gaussians(400, rng=0, spread=0.2)
    np.testing.assert_array_equal(x.sum(axis=1) > 0, y == 1)


def test_four_gaussians_are_the_exclusive_or():
    x, y = data.four_gaussians(400, rng=0, spread=0.2)
    np.testing.assert_array_equal(x[:, 0] * x[:, 1] < 0, y == 1)
    quadrants = np.unique(np.sign(x), axis=0, return_counts=True)[1]
    assert quadrants.tolist() == [100, 100, 100, 100]


def test_spread_is_the_standard_deviation_around_a_centre():
    x, y = data.two_gaussians(20_000, rng=0, spread=0.7)
    assert x[y == 0].mean(axis=0) == pytest.approx([-1, -1], abs=0.03)
    assert x[y == 1].std(axis=0) == pytest.approx([0.7, 0.7], abs=0.03)


def test_checkerboard_of_two_cells_is_the_exclusive_or():
    x, y = data.checkerboard(500, rng=0, cells=2)
    np.testing.assert_array_equal(x[:, 0] * x[:, 1] < 0, y == 1)


def test_checkerboard_changes_colour_from_cell_to_cell():
    x, y = data.checkerboard(2000, rng=0, cells=3)
    assert np.abs(x).max() <= 1
    edges = [-1, -1 / 3, 1 / 3, 1]
    for column in range(3):
        for row in range(3):
            inside = (x > [edges[column], edges[row]]) & (x < [edges[column + 1], edges[row + 1]])
            assert set(y[inside.all(axis=1)].tolist()) == {(column + row) % 2}


def test_checkerboard_refuses_no_cells():
    with pytest.raises(ValueError, match="checkerboard: `cells` must be a positive integer, got 0"):
        data.checkerboard(4, cells=0)


# ------------------------------------------------------------------ digits


def test_digits_are_scaled_and_split_by_class():
    digits = data.digits(test=0.25, rng=1)
    assert digits.x_train.shape == (1347, 64)
    assert digits.y_train.shape == (1347,)
    assert digits.x_test.shape == (450, 64)
    assert digits.y_test.shape == (450,)
    assert digits.y_train.dtype == digits.y_test.dtype == np.int64
    for x in (digits.x_train, digits.x_test):
        assert x.dtype == np.float64
        assert x.min() == 0
        assert x.max() == 1
    in_training, in_test = np.bincount(digits.y_train), np.bincount(digits.y_test)
    np.testing.assert_allclose(in_test / (in_training + in_test), 0.25, atol=0.005)


def test_digits_are_split_by_the_seed():
    x_train, _, x_test, _ = data.digits(rng=1)
    np.testing.assert_array_equal(x_train, data.digits(rng=1).x_train)
    assert not np.array_equal(x_test, data.digits(rng=2).x_test)


def test_digits_and_their_labels_stay_together():
    # A zero is drawn around an empty middle, a one through it.
    digits = data.digits()
    middle = digits.x_train.reshape(-1, 8, 8)[:, 3:5, 3:5].mean(axis=(1, 2))
    assert middle[digits.y_train == 0].mean() < 0.2 < 0.6 < middle[digits.y_train == 1].mean()


@pytest.mark.parametrize("test", [0, 1, -0.5, 20, float("nan")])
def test_digits_refuses_a_share_that_is_none(test):
    with pytest.raises(ValueError, match=f"digits: `test` must be between 0 and 1, got {test}"):
        data.digits(test=test)


def test_digits_names_the_extra_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r'digits needs scikit-learn: pip install "diynn\[demo\]"'):
        data.digits()


def test_scikit_learn_is_not_loaded_with_the_module():
    code = "import sys, diynn.data; sys.exit('sklearn' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# ------------------------------------------------------------------ USPS


def usps_line(label, value="0.5"):
    return " ".join([str(label), *[value] * 256])


@pytest.fixture
def usps(tmp_path):
    """Return a function that writes lines below a header and returns the file's path."""

    def write(*lines):
        path = tmp_path / "usps.txt"
        path.write_text("\n".join(["2 256", *lines]) + "\n")
        return path

    return write


def test_usps_is_read_as_it_is_written(usps):
    values = np.linspace(0, 2, 256)
    first = " ".join(["7", *map(repr, values.tolist())])
    x, y = data.read_usps(usps(first, "", "   ", usps_line("3.0000", "2").replace(" ", "\t"), ""))
    np.testing.assert_array_equal(x, [values, np.full(256, 2.0)])
    assert x.dtype == np.float64
    assert y.tolist() == [7, 3]
    assert y.dtype == np.int64


def test_usps_file_may_be_named_by_text_and_hold_nothing(usps):
    x, y = data.read_usps(str(usps()))
    assert x.shape == (0, 256)
    assert y.shape == (0,)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (usps_line(3)[:-4], "expected a label and 256 values, got 256 numbers"),
        (usps_line(3) + " 1.5", "expected a label and 256 values, got 258 numbers"),
        (usps_line(3, "1,5"), "expected numbers, could not convert string to float: '1,5'"),
        (usps_line("three"), "expected numbers, could not convert string to float: 'three'"),
        (usps_line(10), "expected a label from 0 to 9, got 10"),
        (usps_line(-1), "expected a label from 0 to 9, got -1"),
        (usps_line(2.5), "expected a label from 0 to 9, got 2.5"),
    ],
)
def test_usps_names_the_file_and_the_line_that_is_wrong(usps, line, message):
    # The header is line 1, and the blank line counts.
    with pytest.raises(ValueError, match=rf"usps\.txt, line 4: {message}$"):
        data.read_usps(usps(usps_line(1), "", line, usps_line(2)))


def test_usps_without_a_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        data.read_usps(tmp_path / "absent.txt")


# ------------------------------------------------------------------ shares of ranks


@given(n=st.integers(0, 40), size=st.integers(1, 9))
def test_shares_are_those_of_threads_and_make_the_whole(n, size):
    values = np.arange(2 * n).reshape(n, 2)
    shares = [data.shard(values, rank, size) for rank in range(size)]
    np.testing.assert_array_equal(np.concatenate(shares), values)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert all(np.shares_memory(each, values) for each in shares if len(each))
    threads = [values[part] for part in cut(0, n, size)]
    assert [each.tolist() for each in shares[: len(threads)]] == [each.tolist() for each in threads]


def test_a_share_of_a_file_is_mapped_as_the_file_is(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(12.0).reshape(6, 2))
    share = data.shard(np.load(tmp_path / "x.npy", mmap_mode="r"), 1, 3)
    assert isinstance(share, np.memmap)
    np.testing.assert_array_equal(share, [[4, 5], [6, 7]])


def test_shares_that_do_not_exist():
    with pytest.raises(ValueError, match=r"shard: `rank` must be in 0\.\.1, got 2"):
        data.shard(np.ones(3), 2, 2)
    with pytest.raises(ValueError, match=r"shard: `size` must be a positive integer, got 0"):
        data.shard(np.ones(3), 0, 0)
