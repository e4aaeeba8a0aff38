"""The situations in which a module or a loss is tried: one for each setup and each input drawn."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np

from diynn.checking.contract.kinds import KINDS, reference, shape_after
from diynn.checking.contract.layouts import layouts
from diynn.checking.contract.loss_trial import LossBench, LossTrial, draw_loss_trial
from diynn.checking.contract.paths import spell
from diynn.checking.contract.raised import Raised
from diynn.checking.contract.target import Target
from diynn.checking.contract.trial import Bench, Trial
from diynn.checking.diagnosis.closeness import close
from diynn.checking.diagnosis.readings import (
    LABELS,
    Ask,
    Draw,
    Reading,
    calibrate,
    normal,
    own,
    probabilities,
    recognise_costs,
    targets,
    unit,
)
from diynn.checking.reporting.results import Result, Verdict


def module_trials(target: Target) -> list[Trial]:
    """Return the trials of a module, and say where its parameters were found."""
    target.begin("forward")
    benches, trials = [], []
    for place, setup in enumerate(target.setups):
        bench = Bench(target.make, target.kind, setup, target.redraw)
        benches.append(bench)
        for number in range(target.draws):
            rng = np.random.default_rng([target.seed, place, number])
            data = target.kind.draw(rng, setup.shape)
            values = {}
            with contextlib.suppress(Raised):  # told by `shapes`, which sees it as well
                values = bench.learn(data, rng)
            trials.append(Trial(bench, values, data, np.zeros(0), place))
            trials[-1].delta = rng.normal(size=_output_shape(target, trials[-1]))
    _lay_out(trials, benches)
    _name_parameters(target, trials)
    return trials


def _output_shape(target: Target, trial: Trial) -> tuple[int, ...]:
    """Return the shape of the right output: a wrong forward must not lead the delta astray."""
    try:
        found: tuple[int, ...] = trial.forward(trial.fresh()).shape
    except Raised:
        found = trial.data.shape
    if not target.kind.name or target.kind.formula is not None:
        return found
    return shape_after(target.kind.name, trial.data.shape, tuple(trial.bench.setup.arguments.items()))


def _lay_out(trials: Sequence[Trial], benches: Sequence[Bench]) -> None:
    """Find out how a linear map or convolution lays out its parameters: as its outputs say."""
    if not benches or not benches[0].kind.parameters or benches[0].kind.formula is not None:
        return
    scores: dict[int, int] = {}
    readable: dict[int, int] = {}
    for trial in trials[:: max(1, len(trials) // len(benches))]:
        for place, layout in enumerate(layouts(trial.bench.setup.arguments)):
            try:
                parts = layout.read(trial.values)
                right = reference(trial.bench.kind, trial.bench.setup, parts["W"], parts.get("b")).forward(
                    trial.data
                )
                readable[place] = readable.get(place, 0) + 1
                if close(trial.forward(trial.fresh()), right, 1e-4):
                    scores[place] = scores.get(place, 0) + 1
            except (ValueError, TypeError, Raised):
                continue
    counts = scores or readable
    if not counts:
        return
    best = min(counts, key=lambda place: (-counts[place], place))
    for bench in benches:
        bench.layout = list(layouts(bench.setup.arguments))[best]


def _name_parameters(target: Target, trials: Sequence[Trial]) -> None:
    """Say where the parameters were found, if not where the sheet has them."""
    if not trials:
        return
    found = list(trials[0].values)
    if target.kind.parameters and not found:
        target.add(Result("parameters", Verdict.FAILED, "no_parameters", where=target.where("__init__")))
    elif found and not any(path[0] == "_parameters" for path in found):
        words = {"names": ", ".join(spell(path) for path in found)}
        target.add(Result("parameters", Verdict.REMARK, "other_names", words, where=target.where("__init__")))
    elif found:
        target.add(Result("parameters", Verdict.PASSED))


def loss_trials(target: Target) -> list[LossTrial]:
    """Return the trials of a loss, on predictions on which its reading of the sheet is defined."""
    setup = target.setups[0]
    shapes = [each.shape for each in target.setups]
    target.begin("forward")
    found = _read(target, shapes)
    if found is None:
        target.add(Result("shapes", Verdict.SKIPPED, "no_data", where=target.where("forward")))
        return []
    bench = LossBench(lambda: target.make(setup), target.kind, *found)
    if not target.kind.name and bench.reading.matched:
        bench = LossBench(bench.make, KINDS[bench.reading.kind], bench.reading, bench.draw)
        target.kind = bench.kind
    return [
        draw_loss_trial(bench, shape, np.random.default_rng([target.seed, place, number]), place + number)
        for place, shape in enumerate(shapes)
        for number in range(target.draws)
    ]


def _read(target: Target, shapes: list[tuple[int, ...]]) -> tuple[Reading, Draw] | None:
    """Find out what a loss computes, by its costs, and draw predictions for it; None if it does not run."""

    def ask(y: np.ndarray, yhat: np.ndarray) -> np.ndarray | None:
        try:
            return target.make(target.setups[0]).array("forward", y, yhat)
        except Raised:
            return None

    if target.kind.name:
        found = calibrate(target.kind.name, target.preferred, ask, shapes)
        if found.matched:
            return found, found.variant.draw
        return found, unit  # costs of no known reading are differentiated where all of them are defined
    known = recognise_costs(ask, shapes)
    if known is not None:
        return known, known.variant.draw
    return _read_unknown(target, ask, shapes)


def _read_unknown(target: Target, ask: Ask, shapes: list[tuple[int, ...]]) -> tuple[Reading, Draw] | None:
    """Find targets that a loss of none of the sheet's formulas can have: those its backward is right for.

    None if it runs on none.
    """
    scores = ask(targets("onehot", np.random.default_rng(0), shapes[0], soft=False),
                 normal(np.random.default_rng(0), shapes[0]))  # fmt: skip
    variant = own(scores is not None and bool(np.isfinite(scores).all()))
    running: list[tuple[Reading, Draw]] = []
    for labels in LABELS[""]:
        for draw in (unit, probabilities, normal):
            reading = Reading("", variant, labels, False)
            bench = LossBench(lambda: target.make(target.setups[0]), target.kind, reading, draw)
            trials = [
                draw_loss_trial(bench, shape, np.random.default_rng([7, place]), 0)
                for place, shape in enumerate(shapes)
            ]
            fine = [_agrees(trial) for trial in trials]
            if all(fine):
                return reading, draw
            if None not in fine:
                running.append((reading, draw))
    return running[0] if running else None


def _agrees(trial: LossTrial) -> bool | None:
    """Say whether backward is right in a trial; None if the loss does not run on it, or is not finite."""
    try:
        subject = trial.fresh()
        costs = trial.forward(subject)
        got = trial.backward(subject)
    except Raised:
        return None
    if not np.isfinite(costs).all() or len(np.atleast_1d(costs)) not in (1, len(trial.yhat)):
        return None
    return got.shape == trial.yhat.shape and trial.backward_agrees(got) is True
