"""The few operations that layers share; the definition of each stands in ``reference``."""

from diynn.ops.reference import log_softmax, overlap_add, sigmoid, windows

__all__ = ["log_softmax", "overlap_add", "sigmoid", "windows"]
