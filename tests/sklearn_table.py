"""What scikit-learn's checks say of the estimators and of its own nets: ``python -m tests.sklearn_table``.

It prints the table of CONTRIBUTING.md. Checks for array libraries or devices that are not there are left out.
"""

import os
import warnings
from collections import Counter

os.environ["SCIPY_ARRAY_API"] = "1"  # before SciPy is imported

import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.estimator_checks import check_estimator

from diynn.sklearn import AutoEncoder, NetClassifier, NetRegressor

ESTIMATORS = [
    NetClassifier(max_iter=30), NetRegressor(learning_rate_init=1e-2, max_iter=30), AutoEncoder(max_iter=30),
    NetClassifier(batch_size=8, max_iter=30), NetRegressor(batch_size=8, max_iter=30),
    MLPClassifier(max_iter=100), MLPRegressor(max_iter=100), MLPClassifier(batch_size=8, max_iter=100),
]  # fmt: skip


def row(estimator):
    """Return how many checks an estimator passes and skips, and the names of those it fails."""
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    absent = [each for each in results if "CUDARuntime" in type(each["exception"]).__name__]
    counts = Counter(each["status"] for each in results if each not in absent)
    failed = sorted(
        {each["check_name"] for each in results if each["status"] == "failed" and each not in absent}
    )
    batches = f", batches of {estimator.batch_size}" if estimator.batch_size != "auto" else ""
    return f"| {type(estimator).__name__}{batches} | {counts['passed']} | {', '.join(failed) or 'none'} |"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(f"| scikit-learn {sklearn.__version__} | passed | failed |\n| --- | ---: | --- |")
    for each in ESTIMATORS:
        print(row(each), flush=True)
