"""Sequential and Optim: what puts modules together is judged by what its modules get.

The same modules are also called by hand, one after the other, as the sheet says: what they compute is
their own affair, and only what the container makes of them is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from diynn.checking.contract.bricks import Chain, Wall, walls
from diynn.checking.contract.cards import Card
from diynn.checking.contract.host import Named
from diynn.checking.contract.raised import CannotBuild, Raised
from diynn.checking.contract.subject import Subject, as_array
from diynn.checking.contract.target import Partner, Target
from diynn.checking.diagnosis.closeness import close
from diynn.checking.diagnosis.mistakes import right_line
from diynn.checking.reporting.results import Result, Verdict

# Small, so that a second step begins where its gradient is near that of the first.
_STEP = 2.0**-12
# What a call raises that asks of our net what only its author's net has.
_STRANGER = ("AttributeError", "TypeError", "KeyError", "IndexError", "ValueError")
_WALK_BACK = ("backward", "backward_delta", "backward_pass", "back_propagation", "backpropagation")


def examine_container(target: Target) -> None:
    """Judge a container by the modules in it: what comes out, and what each of them learns."""
    if target.kind.name == "Optim":
        _judge_step(target)
    else:
        _judge_net(target)


def outputs(answer: Any) -> np.ndarray:
    """Return the output of a net, of which some return the outputs of all their modules."""
    return as_array("forward", answer[-1] if isinstance(answer, list) and answer else answer)


# ---------------------------------------------------------------- Sequential


def _judge_net(target: Target) -> None:
    target.begin("net_forward")
    rng = np.random.default_rng(target.seed)
    data, delta = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    problem: Raised | None = None
    for wall in walls(target):
        try:
            chain = Chain.find(target.host, target.card, wall)
            got = outputs(chain.net().call("forward", data.copy()))
        except Raised as error:
            problem = problem or error
            continue
        target.add(_compare_outputs(target, wall, data, got))
        target.begin("net_gradient")
        result = _walked_back(target, chain, wall, data, delta)
        if result.message != "no_backward" or "Optim" not in target.partners:  # else the Optim walks back
            target.add(result)
        return
    assert problem is not None
    target.add(_told(target, "net_forward", problem))


def _compare_outputs(target: Target, wall: Wall, data: np.ndarray, got: np.ndarray) -> Result:
    inputs = wall.forward_by_hand(wall.lay(), data)
    if close(got, inputs[-1]):
        return Result("net_forward", Verdict.PASSED)
    return Result("net_forward", Verdict.FAILED, mistake="net.last_missing" if close(got, inputs[-2]) else "",
                  should=right_line("Sequential", "forward"), method="forward",
                  where=target.where("forward"), inputs={"data": data},
                  expected=inputs[-1], got=got)  # fmt: skip


def _walked_back(target: Target, chain: Chain, wall: Wall, data: np.ndarray, delta: np.ndarray) -> Result:
    """Walk back through a net in the ways that there are, until a module of it has a gradient."""
    right = wall.gradients_by_hand(data, delta)
    ways: list[tuple[str, tuple[np.ndarray, ...]]] = [("backward_update_gradient", (data, delta))]
    ways += [(name, each) for name in _WALK_BACK for each in ((data, delta), (delta,), (delta, data))]
    problem: Raised | None = None
    for method, arguments in ways:
        net, modules = chain.net_and_modules()
        if net.lacking(method):
            continue
        try:
            for module in modules:
                module.harmless("zero_grad")
            net.call("forward", data.copy())
            net.call(method, *(each.copy() for each in arguments))
            got = wall.gradients(modules)
        except Raised as error:
            if method in target.card.own:
                problem = problem or error
            continue
        if any(np.any(each) for each in got):
            return _layers(target, "net_gradient", method, got, right, {"data": data, "delta": delta})
    if problem is not None and problem.method == "backward_update_gradient":
        return _told(target, "net_gradient", problem)
    return Result(
        "net_gradient", Verdict.SKIPPED, "no_backward", where=target.where("backward_update_gradient")
    )


def _layers(
    target: Target,
    name: str,
    method: str,
    got: Sequence[np.ndarray],
    right: Sequence[np.ndarray],
    inputs: dict[str, Any],
) -> Result:
    """Return the result for the three layers that learn, the first, the third and the fifth."""
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
                  should=line, method=method, where=target.where(method), inputs=inputs,
                  expected=right[place], got=got[place])  # fmt: skip


# ---------------------------------------------------------------- Optim


def _judge_step(target: Target) -> None:
    """Compare one step, and a second one, with what each layer should move by.

    An optimiser may know the methods of the net it was written with alone: with that net it is tried first.
    """
    target.begin("net_step")
    problem: Raised | None = None
    nets = [target.partners[name].card for name in ("Sequential",) if name in target.partners]
    for card in [*nets, Card("diynn.Sequential")]:
        for wall in walls(target):
            try:
                chain = Chain.find(target.host, card, wall)
                target.add(_steps(target, chain, wall))
                return
            except Raised as error:
                problem = problem or error
    assert problem is not None
    if not nets and problem.words.get("error") in _STRANGER:
        words = {"text": problem.words.get("text", "")}
        target.add(Result("net_step", Verdict.SKIPPED, "foreign_net", words, where=target.where("step")))
    else:
        target.add(_told(target, "net_step", problem))


def _steps(target: Target, chain: Chain, wall: Wall) -> Result:
    """Let an optimiser take two steps, and compare them with steps by hand."""
    rng = np.random.default_rng(target.seed)
    data, wanted = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    optim, modules, loss = _built(target, chain)
    inputs = {"batch_x": data, "batch_y": wanted}
    due: list[list[np.ndarray]] = []
    for number in range(2):
        before = wall.parameters(modules)
        optim.call("step", data.copy(), wanted.copy())
        moves = [(now - old) / _STEP for now, old in zip(wall.parameters(modules), before, strict=True)][::2]
        due.append([-each for each in wall.step_by_hand(before, loss, data, wanted)])
        result = _layers(target, "net_step", "step", moves, due[-1], inputs)
        if result.verdict is Verdict.FAILED:
            both = number == 1 and all(
                close(move, first + second) for move, first, second in zip(moves, *due, strict=True)
            )
            return _not_zeroed(target, result) if both else result
    return result


def _not_zeroed(target: Target, result: Result) -> Result:
    """Say that a step adds to the gradient of the one before: a fault, unless the author's loop zeroes it."""
    result.mistake = "net.not_zeroed"
    if target.zeroes:
        result.verdict, result.mistake, result.message = Verdict.REMARK, "", "zeroed_outside"
        result.words["line"] = target.zeroes
    return result


def _built(target: Target, chain: Chain) -> tuple[Subject, list[Subject], Subject]:
    """Build an optimiser of a net and a loss, the author's or ours, an instance or the class."""
    problem: CannotBuild | None = None
    for card, make in _losses(target):
        for order in _argument_orders(target.card):
            for as_class in (False, True):
                net, modules = chain.net_and_modules()
                loss = make()
                net.call("forward", np.ones((2, 3)))
                given = {"net": net.thing, "loss": Named(card.name) if as_class else loss.thing, "eps": _STEP}
                try:
                    optim = Subject.build(target.host, target.card, [given[name] for name in order])
                except CannotBuild as error:
                    problem = problem or error
                    continue
                if _steps_at_all(optim):
                    fresh, modules = chain.net_and_modules()
                    given["net"] = fresh.thing
                    return (
                        Subject.build(target.host, target.card, [given[name] for name in order]),
                        modules,
                        loss,
                    )
    if problem is not None:
        raise Raised("__init__", "raises", **problem.words)
    net, modules = chain.net_and_modules()
    loss = next(make() for _, make in _losses(target))
    optim = Subject.build(target.host, target.card, [net.thing, loss.thing, _STEP])
    return optim, modules, loss


def _steps_at_all(optim: Subject) -> bool:
    try:
        optim.call("step", np.ones((2, 3)), np.ones((2, 2)))
    except Raised:
        return False
    return True


def _losses(target: Target) -> Iterator[tuple[Card, Callable[[], Subject]]]:
    own: Partner | None = target.partners.get("MSELoss")
    if own is not None:
        partner = own
        yield partner.card, lambda: partner.make(partner.kind.setups[0])
    ours = Card("diynn.MSELoss")
    yield ours, lambda: Subject.build(target.host, ours)


def _argument_orders(card: Card) -> list[tuple[str, str, str]]:
    """Return the orders in which net, loss and step may be asked for, the likeliest first."""
    names = [name.lower() for name in card.positional[:3]]
    kinds = ["loss" if "loss" in name or "cost" in name or "cout" in name or "crit" in name
             else "eps" if name in ("eps", "lr", "step", "learning_rate", "gradient_step", "pas", "alpha")
             else "net" for name in names]  # fmt: skip
    usual = ("net", "loss", "eps")
    return [(kinds[0], kinds[1], kinds[2])] if sorted(kinds) == sorted(usual) else [usual]


def _told(target: Target, name: str, error: Raised) -> Result:
    words = {"method": error.method, **error.words}
    where = str(error.words.get("line") or target.where(error.method))
    return Result(name, Verdict.FAILED, error.key, words, method=error.method, where=where)
