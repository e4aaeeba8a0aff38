"""The oldest versions that are allowed: each is said, and CI installs them all."""

import pytest
from packaging.version import Version

from tests.minima import PROJECT, minima

EXTRAS = PROJECT["optional-dependencies"]


@pytest.mark.parametrize("extra", [None, *EXTRAS])
def test_every_requirement_says_its_oldest_version(extra):
    assert minima(PROJECT["dependencies"] if extra is None else EXTRAS[extra])


def test_the_newest_of_what_is_asked_for_twice_counts():
    found = minima(["one>=1.9", "one>=1.10; python_version > '3'", "one>=1.2,!=1.3", "two[more]>=3"])
    assert found == {"one": Version("1.10"), "two": Version("3")}


def test_what_an_extra_of_ours_brings_is_among_them():
    found = minima(["diynn[test]"])
    assert {"matplotlib", "joblib", "pandas", "pytest"} <= found.keys()
    assert found["scikit-learn"] == max(minima(EXTRAS[each])["scikit-learn"] for each in ("demo", "sklearn"))


def test_a_requirement_of_any_version_is_refused():
    with pytest.raises(ValueError, match=r"`one` must have an oldest version, by >=, got 'one<2'"):
        minima(["one<2"])
