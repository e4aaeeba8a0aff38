"""Sequential and Optim: what puts modules together is judged with our own modules inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diynn.checking.diagnosis.mistakes import right_line
from diynn.checking.reporting.report import Result, Verdict
from diynn.checking.contract.subject import Raised, Subject, raised
from diynn.checking.contract.target import Target
from diynn.checking.contract.trial import close

_ADD = ("add", "add_module", "addModule", "append_modules", "append", "add_layer", "ajouter", "append_module")
_STEP = 0.0625
# What a call raises that asks of our net what only its author's net has.
_STRANGER = ("AttributeError", "TypeError", "KeyError", "IndexError", "ValueError")


def examine_container(target: Target) -> None:
    """Judge a container by the modules in it: what comes out, and what each of them learns."""
    if target.kind.name == "Optim":
        _judge_step(target)
    else:
        _judge_net(target)


def find_chain(cls: type) -> Callable[[list[Any]], Any]:
    """Return what makes a net of modules: from a list, from arguments, or by adding them one by one.

    Raises
    ------
    Raised
        If none of them works.
    """

    def by_list(modules: list[Any]) -> Any:
        return cls(list(modules))

    def by_arguments(modules: list[Any]) -> Any:
        return cls(*modules)

    def by_adding(modules: list[Any]) -> Any:
        net = _empty(cls)
        add = next(getattr(net, name) for name in _ADD if callable(getattr(net, name, None)))
        for module in modules:
            add(module)
        return net

    data = np.ones((2, 3))
    for way in (by_list, by_arguments, by_adding):
        try:
            if np.shape(_output(way(_modules()), data)) == (2, 2):
                return way
        except Exception:
            continue
    # Perhaps it is built and does not run: let that be seen.
    for way in (by_list, by_arguments, by_adding):
        try:
            way(_modules())
            return way
        except Exception:
            continue
    raise Raised("__init__", "cannot_chain")


def _empty(cls: type) -> Any:
    try:
        return cls()
    except TypeError:
        return cls([])


def _modules() -> list[Any]:
    """Return five layers of our own, three of them with parameters."""
    from diynn.layers import Linear, Sigmoid, Tanh

    options: dict[str, Any] = {"backend": "numpy", "dtype": "float64"}
    return [
        Linear(3, 4, rng=0, **options), Tanh(), Linear(4, 3, rng=1, **options), Sigmoid(),
        Linear(3, 2, rng=2, **options),
    ]  # fmt: skip


def _ours(modules: list[Any]) -> Any:
    from diynn.layers import Sequential

    return Sequential(*modules)


def _output(net: Any, data: np.ndarray) -> Any:
    """Return the output of a net, of which some return the outputs of all their modules."""
    output = Subject(net).call("forward", data.copy())
    return output[-1] if isinstance(output, list | tuple) and len(output) else output


# ---------------------------------------------------------------- Sequential


def _judge_net(target: Target) -> None:
    data = np.random.default_rng(target.seed).normal(size=(4, 3))
    target.begin("net_forward")
    try:
        chain = find_chain(target.cls)
        right = _ours(_modules())
        got = np.asarray(_output(chain(_modules()), data), dtype=float)
    except Raised as error:
        target.add(_told(target, "net_forward", error))
        return
    except (TypeError, ValueError):
        target.add(_told(target, "net_forward", Raised("forward", "returns_no_array", type="?")))
        return
    expected = right.forward(data)
    if close(got, expected):
        target.add(Result("net_forward", Verdict.PASSED))
    else:
        last = close(got, right[:-1].forward(data))
        line = right_line("Sequential", "forward")
        target.add(Result("net_forward", Verdict.FAILED, mistake="net.last_missing" if last else "",
                          should=line, method="forward", where=target.where("forward"), inputs={"data": data},
                          expected=expected, got=got))  # fmt: skip
    _judge_backward(target, chain, data)


def _judge_backward(target: Target, chain: Callable[[list[Any]], Any], data: np.ndarray) -> None:
    target.begin("net_gradient")
    net, modules = None, _modules()
    net = chain(modules)
    delta = np.random.default_rng(target.seed + 1).normal(size=(4, 2))
    subject = Subject(net)
    if not callable(getattr(net, "backward_update_gradient", None)):
        target.add(_sweep(target, chain, data, delta))
        return
    try:
        _output(net, data)
        subject.call("backward_update_gradient", data.copy(), delta.copy())
        result = _gradients(target, modules, data, delta, "backward_update_gradient")
        if result.verdict is Verdict.SKIPPED:  # inherited, and empty
            result = _sweep(target, chain, data, delta)
        target.add(result)
    except Raised as error:
        # Some walk back in one method of their own; then this one is only inherited.
        result = _sweep(target, chain, data, delta)
        target.add(result if result.verdict is not Verdict.SKIPPED else _told(target, "net_gradient", error))


def _sweep(target: Target, chain: Callable[[list[Any]], Any], data: np.ndarray, delta: np.ndarray) -> Result:
    """Try the other ways in which a net is walked back; say that it was not judged if there is none."""
    for method in ("backward", "backward_delta", "backward_pass", "back_propagation", "backpropagation"):
        for arguments in ((data, delta), (delta,), (delta, data)):
            modules = _modules()
            net = chain(modules)
            if not callable(getattr(net, method, None)):
                break
            try:
                _output(net, data)
                Subject(net).call(method, *(each.copy() for each in arguments))
            except Raised:
                continue
            if any(np.any(module._gradient) for module in modules[::2]):
                return _gradients(target, modules, data, delta, method)
    return Result("net_gradient", Verdict.SKIPPED, "no_backward", where=target.where())


def _gradients(
    target: Target, modules: list[Any], data: np.ndarray, delta: np.ndarray, method: str
) -> Result:
    """Compare each layer's gradient with what it is in our own net."""
    right = _modules()
    _ours(right).backward_update_gradient(data, delta)
    if all(not np.any(module._gradient) for module in modules[::2]):
        return Result("net_gradient", Verdict.SKIPPED, "no_backward", where=target.where(method))
    bad = [i for i in (0, 2, 4) if not close(modules[i]._gradient, right[i]._gradient)]
    return _layers(target, "net_gradient", method, bad, [m._gradient for m in modules[::2]],
                   [m._gradient for m in right[::2]], {"data": data, "delta": delta})  # fmt: skip


def _layers(
    target: Target,
    name: str,
    method: str,
    bad: list[int],
    got: list[Any],
    right: list[Any],
    inputs: dict[str, Any],
) -> Result:
    """Return the result for the layers that learn, numbered 0, 2 and 4."""
    if not bad:
        return Result(name, Verdict.PASSED, method=method)
    still = [i for i in bad if not np.any(got[i // 2])]
    mistake = ""
    if len(still) == 3:
        mistake = "net.nothing"
    elif bad == still == [0]:
        mistake = "net.first_layer"
    elif 4 in still:
        mistake = "net.last_layer"
    elif name == "net_gradient" and not still:
        mistake = "net.order"
    elif name == "net_step" and all(close(got[i // 2], right[i // 2] / 4) for i in bad):
        mistake = "net.averaged"
    place = bad[0]
    return Result(name, Verdict.FAILED, words={"layer": place + 1, "layers": 5}, mistake=mistake,
                  should=right_line("Sequential" if name == "net_gradient" else "Optim", name), method=method,
                  where=target.where(method), inputs=inputs, expected=right[place // 2],
                  got=got[place // 2])  # fmt: skip


# ---------------------------------------------------------------- Optim


def _judge_step(target: Target) -> None:
    """Compare one step, and a second one, with what each layer should move by.

    An optimiser may know the methods of the net it was written with alone: with that net it is tried first.
    """
    target.begin("net_step")
    problem: Raised | None = None
    for net in (target.beside, None):
        try:
            chain = _ours if net is None else find_chain(net)
            target.add(_steps(target, target.cls, chain))
            return
        except Raised as error:
            problem = problem or error
    if problem is not None and target.beside is None and problem.words.get("error") in _STRANGER:
        words = {"text": problem.words.get("text", "")}
        target.add(Result("net_step", Verdict.SKIPPED, "foreign_net", words, where=target.where("step")))
    elif problem is not None:
        target.add(_told(target, "net_step", problem))


def _steps(target: Target, cls: type, chain: Callable[[list[Any]], Any]) -> Result:
    from diynn.losses import MSELoss

    rng = np.random.default_rng(target.seed)
    data, wanted = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    modules, right = _modules(), _modules()
    ours = _ours(right)
    try:
        optim = cls(chain(modules), MSELoss(), _STEP)
    except Exception as error:
        raise raised("__init__", error) from error
    for number in range(2):
        before = [module._parameters.copy() for module in modules[::2]]
        Subject(optim).call("step", data.copy(), wanted.copy())
        ours.zero_grad()
        delta = MSELoss().backward(wanted, ours.forward(data))
        ours.backward_update_gradient(data, delta)
        moves = [module._parameters - old for module, old in zip(modules[::2], before, strict=True)]
        due = [-_STEP * module._gradient for module in right[::2]]
        ours.update_parameters(_STEP)
        bad = [2 * i for i in range(3) if not close(moves[i], due[i])]
        result = _layers(target, "net_step", "step", bad, moves, due, {"batch_x": data, "batch_y": wanted})
        if result.verdict is Verdict.FAILED:
            if number == 1 and not result.mistake:
                result.mistake = "net.not_zeroed"
            return result
    return result


def _told(target: Target, name: str, error: Raised) -> Result:
    words = {"method": error.method, **error.words}
    where = str(error.words.get("line") or target.where(error.method))
    return Result(name, Verdict.FAILED, error.key, words, method=error.method, where=where)
