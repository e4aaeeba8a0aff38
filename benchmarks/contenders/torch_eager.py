"""PyTorch as it is run line by line."""

from __future__ import annotations

import numpy as np
import torch
import workloads as w
from torch import nn

from contenders import Step, events, on_gpu


def available(workload: w.Workload, backend: str, *, channels_last: bool = False) -> str | None:
    """Return why it cannot take part, or None."""
    if channels_last and len(workload.shape) == 1:
        return "no sequences, no channels"
    if on_gpu(backend) and not torch.cuda.is_available():
        return "PyTorch finds no CUDA device"
    return None


def build(
    workload: w.Workload, batch: int, threads: int, backend: str, *, channels_last: bool = False
) -> Step:
    """Return the step; ``channels_last`` takes sequences for images one pixel high, in that memory format.

    PyTorch has the format for images alone, and is faster in it on many channels.
    """
    prepare(threads)
    return EagerStep(workload, batch, device_of(backend), channels_last)


def prepare(threads: int) -> None:
    """Set what belongs to the process: threads, and products in full float32 as everybody computes them."""
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True  # cuDNN tries its algorithms once, and keeps the best


def device_of(backend: str) -> str:
    """Return PyTorch's name of the device for a run with that backend of diynn's."""
    return "cuda" if on_gpu(backend) else "cpu"


def net_of(workload: w.Workload, device: str, *, channels_last: bool = False) -> nn.Sequential:
    """Return the net with the workload's initial weights, channels first as PyTorch counts them."""
    weights = iter(workload.weights())
    modules: list[nn.Module] = []
    for layer, before in zip(workload.layers, (None, *workload.layers), strict=False):
        match layer:
            case w.Linear(n_in, n_out):
                weight, bias = next(weights)
                if isinstance(before, w.Flatten):  # PyTorch lays a channel's places side by side
                    by_place = weight.reshape(before.length, before.chan, n_out)
                    weight = by_place.swapaxes(0, 1).reshape(n_in, n_out)
                modules.append(_loaded(nn.Linear(n_in, n_out), weight.T, bias))
            case w.Conv(k_size, chan_in, chan_out):
                weight, bias = next(weights)
                weight = weight.transpose(2, 1, 0)
                module = nn.Conv1d(chan_in, chan_out, k_size)
                if channels_last:
                    module, weight = nn.Conv2d(chan_in, chan_out, (1, k_size)), weight[:, :, None]
                modules.append(_loaded(module, weight, bias))
            case w.MaxPool(k_size):
                modules.append(nn.MaxPool2d((1, k_size)) if channels_last else nn.MaxPool1d(k_size))
            case w.Flatten():
                modules.append(nn.Flatten())
            case w.Tanh():
                modules.append(nn.Tanh())
            case w.ReLU():
                modules.append(nn.ReLU())
    net = nn.Sequential(*modules).to(device)
    return net.to(memory_format=torch.channels_last) if channels_last else net


def _loaded(module: nn.Module, weight: np.ndarray, bias: np.ndarray) -> nn.Module:
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
        module.bias.copy_(torch.from_numpy(bias))
    return module


def data_of(
    workload: w.Workload, batch: int, device: str, *, channels_last: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the batch on the device, channels first."""
    x, y = (torch.from_numpy(each).to(device) for each in workload.data(batch))
    if x.ndim == 3:
        x = x.transpose(1, 2).contiguous()
        if channels_last:
            x = x[:, :, None].contiguous(memory_format=torch.channels_last)
    return x, y


def loss_of(workload: w.Workload) -> nn.Module:
    """Return the workload's loss, summed."""
    return {"bce": nn.BCEWithLogitsLoss, "cross entropy": nn.CrossEntropyLoss}[workload.loss](reduction="sum")


class EagerStep(Step):
    """The four lines of every PyTorch training loop."""

    def __init__(self, workload: w.Workload, batch: int, device: str, channels_last: bool) -> None:
        self.device = device
        self.net = net_of(workload, device, channels_last=channels_last)
        self.loss = loss_of(workload)
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=workload.eps(batch), fused=True)
        self.x, self.y = data_of(workload, batch, device, channels_last=channels_last)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the summed cost."""
        return self.loss(self.net(x), y)

    def step(self) -> None:
        """Zero, forward, backward, update."""
        self.optimizer.zero_grad(set_to_none=True)
        self.total = self.forward(self.x, self.y)
        self.total.backward()
        self.optimizer.step()

    def cost(self) -> float:
        """Return the summed cost."""
        return self.total.item()

    def sync(self) -> None:
        """Wait for the GPU, if it is one."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def seconds(self, steps: int) -> float:
        """Take the time of the device, or of the host on the CPU."""
        backend = "torch:cuda" if self.device == "cuda" else "torch"
        return events.seconds(backend, self.step, steps) or super().seconds(steps)
