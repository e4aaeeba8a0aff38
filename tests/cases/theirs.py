"""PyTorch's functions and optimisers, for the second opinions of the cases; imported when they are called."""


def functional(name, *arguments, **options):
    """Call a function of ``torch.nn.functional``."""
    import torch

    return getattr(torch.nn.functional, name)(*arguments, **options)


def costs(name):
    """Return a loss of ``torch.nn.functional`` of (y, yhat), a cost a value."""
    return lambda y, yhat: functional(name, yhat, y.to(yhat.dtype), reduction="none")


def windowed(name, layer, data, *arguments, outside=0.0):
    """Call a function of windows, with PyTorch's padding, but for "same" where it has none."""
    data, padding = data.permute(0, 2, 1), layer.padding
    if padding == "same" and (name != "conv1d" or layer.stride > 1 or layer.k_size % 2 == 0):
        data, padding = functional("pad", data, layer._around(data.shape[2]), value=outside), 0
    return functional(name, data, *arguments, layer.stride, padding).permute(0, 2, 1)


def drawn(layer, data, law):
    """Return what the generator of a layer draws for data."""
    import torch

    return torch.tensor(getattr(layer.rng, law)(tuple(data.shape)))


def optimiser(name, parameters, **options):
    """Return the step of an optimiser of ``torch.optim``."""
    import torch

    return getattr(torch.optim, name)(parameters, **options).step
