"""Sequential and Optim are judged by the outputs and gradients of the modules in them.

The reference is a loop written here over the same modules, as on the sheet. So a mistake in a module shows on
both sides, and only the container is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from diynn.checking.contract.candidate import Candidate, Partner
from diynn.checking.contract.class_info import ClassInfo
from diynn.checking.contract.host import ClassName
from diynn.checking.contract.instance import Instance
from diynn.checking.contract.raised import CannotBuild, Raised
from diynn.checking.contract.stacks import NetBuilder, Stack, net_output, stacks
from diynn.checking.diagnosis.closeness import close
from diynn.checking.diagnosis.formulas import right_line
from diynn.checking.reporting.results import Result, Verdict

# Small, so that the gradients of two steps in succession are nearly equal.
_STEP = 2.0**-12
# Raised by an optimiser that uses attributes which only its author's net has.
_FOREIGN = ("AttributeError", "TypeError", "KeyError", "IndexError", "ValueError")
_BACKWARD = ("backward", "backward_delta", "backward_pass", "back_propagation", "backpropagation")


def examine_container(candidate: Candidate) -> None:
    """Judge a net by its output and gradients, an optimiser by its steps."""
    if candidate.kind.name == "Optim":
        _judge_step(candidate)
    else:
        _judge_net(candidate)


# ---------------------------------------------------------------- Sequential


def _judge_net(candidate: Candidate) -> None:
    candidate.begin("net_forward")
    rng = np.random.default_rng(candidate.seed)
    data, delta = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    problem: Raised | None = None
    for stack in stacks(candidate):
        try:
            builder = NetBuilder.find(candidate.host, candidate.info, stack)
            got = net_output(builder.net(), data.copy())
        except Raised as error:
            problem = problem or error
            continue
        candidate.add(_compare_outputs(candidate, stack, data, got))
        candidate.begin("net_gradient")
        result = _backward(candidate, builder, stack, data, delta)
        if result.message != "no_backward" or "Optim" not in candidate.partners:  # else that one does it
            candidate.add(result)
        return
    assert problem is not None
    candidate.add(candidate.blame(Result("net_forward", Verdict.FAILED), problem))


def _compare_outputs(candidate: Candidate, stack: Stack, data: np.ndarray, got: np.ndarray) -> Result:
    inputs = stack.forward_by_hand(stack.build(), data)
    if close(got, inputs[-1]):
        return Result("net_forward", Verdict.PASSED)
    return Result("net_forward", Verdict.FAILED, mistake="net.last_missing" if close(got, inputs[-2]) else "",
                  should=right_line("Sequential", "forward"), method="forward",
                  where=candidate.where("forward"), inputs={"data": data},
                  expected=inputs[-1], got=got)  # fmt: skip


def _backward(
    candidate: Candidate, builder: NetBuilder, stack: Stack, data: np.ndarray, delta: np.ndarray
) -> Result:
    """Try the usual names and arguments of a backward pass until one of them fills a gradient."""
    right = stack.gradients_by_hand(data, delta)
    ways: list[tuple[str, tuple[np.ndarray, ...]]] = [("backward_update_gradient", (data, delta))]
    ways += [(name, each) for name in _BACKWARD for each in ((data, delta), (delta,), (delta, data))]
    problem: Raised | None = None
    for method, arguments in ways:
        net, modules = builder.net_and_modules()
        if net.missing_methods(method):
            continue
        try:
            for module in modules:
                module.call_optional("zero_grad")
            net.call("forward", data.copy())
            net.call(method, *(each.copy() for each in arguments))
            got = stack.gradients(modules)
        except Raised as error:
            if method in candidate.info.own:
                problem = problem or error
            continue
        if any(np.any(each) for each in got):
            return _layers(candidate, "net_gradient", method, got, right, {"data": data, "delta": delta})
    if problem is not None and problem.method == "backward_update_gradient":
        return candidate.blame(Result("net_gradient", Verdict.FAILED), problem)
    return Result(
        "net_gradient", Verdict.SKIPPED, "no_backward", where=candidate.where("backward_update_gradient")
    )


def _layers(
    candidate: Candidate,
    name: str,
    method: str,
    got: Sequence[np.ndarray],
    right: Sequence[np.ndarray],
    inputs: dict[str, Any],
) -> Result:
    """Return the result for the layers with parameters: the first, the third and the fifth."""
    bad = [place for place in range(3) if not close(got[place], right[place])]
    if not bad:
        return Result(name, Verdict.PASSED, method=method)
    still = [place for place in bad if not np.any(got[place])]
    mistake = ""
    if len(still) == 3:
        mistake = "net.nothing"
    elif bad == still == [0]:
        mistake = "net.first_layer"
    elif 2 in still:
        mistake = "net.last_layer"
    elif name == "net_gradient" and not still:
        mistake = "net.order"
    elif name == "net_step" and all(close(got[place], right[place] / 4) for place in bad):
        mistake = "net.averaged"
    place = bad[0]
    line = right_line("Sequential" if name == "net_gradient" else "Optim", name)
    return Result(name, Verdict.FAILED, words={"layer": 2 * place + 1, "layers": 5}, mistake=mistake,
                  should=line, method=method, where=candidate.where(method), inputs=inputs,
                  expected=right[place], got=got[place])  # fmt: skip


# ---------------------------------------------------------------- Optim


def _judge_step(candidate: Candidate) -> None:
    """Compare two steps with the updates that each layer should get.

    An optimiser may work only with its author's net: it is tried with that one first.
    """
    candidate.begin("net_step")
    problem: Raised | None = None
    nets = [candidate.partners[name].info for name in ("Sequential",) if name in candidate.partners]
    for info in [*nets, ClassInfo("diynn.Sequential")]:
        for stack in stacks(candidate):
            try:
                builder = NetBuilder.find(candidate.host, info, stack)
                candidate.add(_steps(candidate, builder, stack))
                return
            except Raised as error:
                problem = problem or error
    assert problem is not None
    if not nets and problem.words.get("error") in _FOREIGN:
        words = {"text": problem.words.get("text", "")}
        candidate.add(
            Result("net_step", Verdict.SKIPPED, "foreign_net", words, where=candidate.where("step"))
        )
    else:
        candidate.add(candidate.blame(Result("net_step", Verdict.FAILED), problem))


def _steps(candidate: Candidate, builder: NetBuilder, stack: Stack) -> Result:
    """Take two steps with the optimiser, and compare each with the reference."""
    rng = np.random.default_rng(candidate.seed)
    data, wanted = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    optim, modules, loss = _built(candidate, builder)
    inputs = {"batch_x": data, "batch_y": wanted}
    due: list[list[np.ndarray]] = []
    for number in range(2):
        before = stack.parameters(modules)
        optim.call("step", data.copy(), wanted.copy())
        moves = [(now - old) / _STEP for now, old in zip(stack.parameters(modules), before, strict=True)][::2]
        due.append([-each for each in stack.step_by_hand(before, loss, data, wanted)])
        result = _layers(candidate, "net_step", "step", moves, due[-1], inputs)
        if result.verdict is Verdict.FAILED:
            both = number == 1 and all(
                close(move, first + second) for move, first, second in zip(moves, *due, strict=True)
            )
            return _not_zeroed(candidate, result) if both else result
    return result


def _not_zeroed(candidate: Candidate, result: Result) -> Result:
    """Mark a step that does not reset the gradient: a mistake, unless the author's training loop does."""
    result.mistake = "net.not_zeroed"
    if candidate.zeroes:
        result.verdict, result.mistake, result.message = Verdict.REMARK, "", "zeroed_outside"
        result.words["line"] = candidate.zeroes
    return result


def _built(candidate: Candidate, builder: NetBuilder) -> tuple[Instance, list[Instance], Instance]:
    """Build an optimiser from a net and a loss, the author's or ours, the loss as instance or as class."""
    problem: CannotBuild | None = None
    for info, make in _losses(candidate):
        for order in _argument_orders(candidate.info):
            for as_class in (False, True):
                net, modules = builder.net_and_modules()
                loss = make()
                net.call("forward", np.ones((2, 3)))
                given = {"loss": ClassName(info.name) if as_class else loss.handle, "eps": _STEP}

                def build(net: Instance, given: Any = given, order: Any = order) -> Instance:
                    values = {**given, "net": net.handle}
                    return Instance.build(candidate.host, candidate.info, [values[name] for name in order])

                try:
                    steps = _steps_at_all(build(net))
                except CannotBuild as error:
                    problem = problem or error
                    continue
                if steps:
                    net, modules = builder.net_and_modules()
                    return build(net), modules, loss
    if problem is not None:
        raise Raised("__init__", "raises", **problem.words)
    net, modules = builder.net_and_modules()
    loss = next(make() for _, make in _losses(candidate))
    optim = Instance.build(candidate.host, candidate.info, [net.handle, loss.handle, _STEP])
    return optim, modules, loss


def _steps_at_all(optim: Instance) -> bool:
    try:
        optim.call("step", np.ones((2, 3)), np.ones((2, 2)))
    except Raised:
        return False
    return True


def _losses(candidate: Candidate) -> Iterator[tuple[ClassInfo, Callable[[], Instance]]]:
    own: Partner | None = candidate.partners.get("MSELoss")
    if own is not None:
        partner = own
        yield partner.info, lambda: partner.make(partner.kind.setups[0])
    ours = ClassInfo("diynn.MSELoss")
    yield ours, lambda: Instance.build(candidate.host, ours)


def _argument_orders(info: ClassInfo) -> list[tuple[str, str, str]]:
    """Return the possible orders of the arguments net, loss and eps, the likeliest first."""
    names = [name.lower() for name in info.positional[:3]]
    kinds = ["loss" if "loss" in name or "cost" in name or "cout" in name or "crit" in name
             else "eps" if name in ("eps", "lr", "step", "learning_rate", "gradient_step", "pas", "alpha")
             else "net" for name in names]  # fmt: skip
    usual = ("net", "loss", "eps")
    return [(kinds[0], kinds[1], kinds[2])] if sorted(kinds) == sorted(usual) else [usual]
