"""The former name of :mod:`diynn.stateless`, kept for code that imports it."""

from diynn.stateless import forward, gradient

__all__ = ["forward", "gradient"]
