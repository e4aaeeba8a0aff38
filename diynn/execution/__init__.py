"""How the gradient of one batch is accumulated."""

from diynn.execution.serial import accumulate

__all__ = ["accumulate"]
