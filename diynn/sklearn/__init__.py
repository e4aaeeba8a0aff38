"""Nets as estimators of scikit-learn, for pipelines, cross-validation and grids (extra ``sklearn``)."""

try:
    import sklearn as _  # noqa: F401
except ImportError as error:
    raise ImportError('diynn.sklearn needs scikit-learn: pip install "diynn[sklearn]"') from error

from diynn.sklearn.autoencoder import AutoEncoder
from diynn.sklearn.classifier import NetClassifier
from diynn.sklearn.regressor import NetRegressor

__all__ = ["AutoEncoder", "NetClassifier", "NetRegressor"]
