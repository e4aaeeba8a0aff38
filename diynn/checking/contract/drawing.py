"""The trials of a module: one for each setup and each random input."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np

from diynn.checking.contract.candidate import Candidate
from diynn.checking.contract.kinds import reference, shape_after
from diynn.checking.contract.layouts import layouts
from diynn.checking.contract.paths import spell
from diynn.checking.contract.raised import Raised
from diynn.checking.contract.trial import Fixture, Trial
from diynn.checking.diagnosis.closeness import close
from diynn.checking.reporting.results import Result, Verdict


def module_trials(candidate: Candidate) -> list[Trial]:
    """Return the trials of a module, and add the result of the search for its parameters."""
    candidate.begin("forward")
    fixtures, trials = [], []
    for place, setup in enumerate(candidate.setups):
        fixture = Fixture(candidate.make, candidate.kind, setup, candidate.redraw)
        fixtures.append(fixture)
        for number in range(candidate.draws):
            rng = np.random.default_rng([candidate.seed, place, number])
            data = candidate.kind.draw(rng, setup.shape)
            values = {}
            with contextlib.suppress(Raised):  # the property `shapes` reports it
                values = fixture.learn(data, rng)
            trials.append(Trial(fixture, values, data, np.zeros(0), place))
            trials[-1].delta = rng.normal(size=_output_shape(candidate, trials[-1]))
    _lay_out(trials, fixtures)
    if any(trial.values for trial in trials) or not _raises(trials):
        _name_parameters(candidate, trials)
    return trials


def _raises(trials: Sequence[Trial]) -> bool:
    """Return whether forward raises in all trials: then the search for parameters says nothing."""
    for trial in trials:
        with contextlib.suppress(Raised):
            trial.forward(trial.fresh())
            return False
    return True


def _output_shape(candidate: Candidate, trial: Trial) -> tuple[int, ...]:
    """Return the shape of the right output, so that delta has it whatever the module's forward returns."""
    try:
        found: tuple[int, ...] = trial.forward(trial.fresh()).shape
    except Raised:
        found = trial.data.shape
    if not candidate.kind.name or candidate.kind.formula is not None:
        return found
    return shape_after(candidate.kind.name, trial.data.shape, tuple(trial.fixture.setup.arguments.items()))


def _lay_out(trials: Sequence[Trial], fixtures: Sequence[Fixture]) -> None:
    """Choose the layout of a layer's parameters under which our layer gives the same outputs."""
    if not fixtures or not fixtures[0].kind.parameters or fixtures[0].kind.formula is not None:
        return
    scores: dict[int, int] = {}
    readable: dict[int, int] = {}
    for trial in trials[:: max(1, len(trials) // len(fixtures))]:
        for place, layout in enumerate(layouts(trial.fixture.setup.arguments)):
            try:
                parts = layout.read(trial.values)
                right = reference(
                    trial.fixture.kind, trial.fixture.setup, parts["W"], parts.get("b")
                ).forward(trial.data)
                readable[place] = readable.get(place, 0) + 1
                if close(trial.forward(trial.fresh()), right, 1e-4):
                    scores[place] = scores.get(place, 0) + 1
            except (ValueError, TypeError, Raised):
                continue
    counts = scores or readable
    if not counts:
        return
    best = min(counts, key=lambda place: (-counts[place], place))
    for fixture in fixtures:
        fixture.layout = list(layouts(fixture.setup.arguments))[best]


def _name_parameters(candidate: Candidate, trials: Sequence[Trial]) -> None:
    """Add a result: whether parameters were found, and under the sheet's names."""
    found = list(next((trial.values for trial in trials if trial.values), ()))
    if candidate.kind.parameters and not found:
        candidate.add(
            Result("parameters", Verdict.FAILED, "no_parameters", where=candidate.where("__init__"))
        )
    elif found and not any(path[0] == "_parameters" for path in found):
        words = {"names": ", ".join(spell(path) for path in found)}
        candidate.add(
            Result("parameters", Verdict.REMARK, "other_names", words, where=candidate.where("__init__"))
        )
    elif found:
        candidate.add(Result("parameters", Verdict.PASSED))
