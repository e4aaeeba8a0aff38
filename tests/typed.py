"""A program as others write it, for mypy: it finds the public names, and knows what they are."""

import numpy as np

import diynn
from diynn import Adam, Linear, Momentum, MSELoss, Optim, Sequential, Tanh, WeightDecay, cosine_decay


def net(width: int) -> Sequential:
    """Return a net."""
    return Sequential(Linear(2, width, rng=0), Tanh(), diynn.Linear(width, 1, rng=1))


def optim(fast: bool) -> Optim:
    """Return what trains it."""
    rule: diynn.Rule = Adam() if fast else WeightDecay(Momentum())
    loss: diynn.Loss = MSELoss()
    return Optim(net(8), loss, cosine_decay(0.1, steps=100), rule=rule)


def trained() -> diynn.Module:
    """Return the net after a step."""
    found = optim(fast=True)
    found.step(np.ones((3, 2)), np.ones((3, 1)))
    module: diynn.Module = found.net
    return module
