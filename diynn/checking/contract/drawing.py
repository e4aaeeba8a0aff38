"""The situations in which a module is tried: one for each setup and each input drawn."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np

from diynn.checking.contract.kinds import reference, shape_after
from diynn.checking.contract.layouts import layouts
from diynn.checking.contract.paths import spell
from diynn.checking.contract.raised import Raised
from diynn.checking.contract.target import Target
from diynn.checking.contract.trial import Bench, Trial
from diynn.checking.diagnosis.closeness import close
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
    if any(trial.values for trial in trials) or not _raises(trials):
        _name_parameters(target, trials)
    return trials


def _raises(trials: Sequence[Trial]) -> bool:
    """Say whether forward runs in none of the trials: then no parameters can be found, whatever there are."""
    for trial in trials:
        with contextlib.suppress(Raised):
            trial.forward(trial.fresh())
            return False
    return True


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
    found = list(next((trial.values for trial in trials if trial.values), ()))
    if target.kind.parameters and not found:
        target.add(Result("parameters", Verdict.FAILED, "no_parameters", where=target.where("__init__")))
    elif found and not any(path[0] == "_parameters" for path in found):
        words = {"names": ", ".join(spell(path) for path in found)}
        target.add(Result("parameters", Verdict.REMARK, "other_names", words, where=target.where("__init__")))
    elif found:
        target.add(Result("parameters", Verdict.PASSED))
