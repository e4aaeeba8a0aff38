"""The trials of a loss: its formula and its form of targets are found by calling it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diynn.checking.contract.candidate import Candidate
from diynn.checking.contract.kinds import KINDS
from diynn.checking.contract.loss_trial import LossFixture, LossTrial, draw_loss_trial
from diynn.checking.contract.raised import Raised
from diynn.checking.diagnosis.readings import LABELS, Reading, calibrate, recognise_costs, targets
from diynn.checking.diagnosis.variants import Draw, normal, own, probabilities, unit
from diynn.checking.reporting.results import Result, Verdict

Shapes = Sequence[tuple[int, ...]]
# For a loss that takes a single output per example, such as a logistic one.
_COLUMNS = ((2, 1), (1, 1), (5, 1), (3, 1))


def loss_trials(candidate: Candidate) -> list[LossTrial]:
    """Return the trials of a loss, with predictions in the domain of its formula."""
    candidate.begin("forward")
    shapes: Shapes = [each.shape for each in candidate.setups]
    found = _read(candidate, shapes)
    if found is None:
        shapes, found = _COLUMNS, _read(candidate, _COLUMNS)
    if found is None and candidate.kind.name:  # it runs on none of the inputs: the trials report its error
        variant = calibrate(candidate.kind.name, candidate.preferred, lambda y, yhat: None, []).variant
        shapes, found = [each.shape for each in candidate.setups], (Reading("", variant, "real", False), unit)
    if found is None:
        candidate.add(Result("shapes", Verdict.SKIPPED, "no_data", where=candidate.where("forward")))
        return []
    reading, draw = found
    if reading.matched and reading.kind != candidate.kind.name:  # its costs decide, not its name
        candidate.kind = KINDS[reading.kind]
        if shapes is not _COLUMNS:
            shapes = [each.shape for each in candidate.kind.setups]
    setup = candidate.setups[0]
    fixture = LossFixture(lambda: candidate.make(setup), candidate.kind, reading, draw)
    return [
        draw_loss_trial(
            fixture, shape, np.random.default_rng([candidate.seed, place, number]), place + number
        )
        for place, shape in enumerate(shapes)
        for number in range(candidate.draws)
    ]


def _read(candidate: Candidate, shapes: Shapes) -> tuple[Reading, Draw] | None:
    """Return the reading of a loss by its costs, and how to draw predictions; None if it does not run."""

    def ask(y: np.ndarray, yhat: np.ndarray) -> np.ndarray | None:
        try:
            return candidate.make(candidate.setups[0]).array("forward", y, yhat)
        except Raised:
            return None

    if not candidate.kind.name:
        known = recognise_costs(ask, list(shapes))
        return (known, known.variant.draw) if known is not None else _read_unknown(candidate, shapes)
    found = calibrate(candidate.kind.name, candidate.preferred, ask, list(shapes))
    if not found.matched and candidate.kind.name == "BCELoss":  # BCE may be on probabilities or on logits
        on_scores = calibrate("BCEWithLogitsLoss", "sum", ask, list(shapes))
        found = on_scores if on_scores.matched else found
    if found.matched:
        return found, found.variant.draw
    # Costs of no known formula: predictions in (0, 1) are in the domain of all.
    return (found, unit) if found.runs else None


def _read_unknown(candidate: Candidate, shapes: Shapes) -> tuple[Reading, Draw] | None:
    """Return targets and predictions on which the backward of a loss of unknown formula is right."""
    setup, rng = candidate.setups[0], np.random.default_rng(0)
    try:
        y, scores = targets("onehot", rng, shapes[0], soft=False), normal(rng, shapes[0])
        takes_scores = bool(np.isfinite(candidate.make(setup).array("forward", y, scores)).all())
    except Raised:
        takes_scores = False
    running: list[tuple[Reading, Draw]] = []
    for labels in LABELS[""]:
        for draw in (unit, probabilities, normal):
            reading = Reading("", own(takes_scores), labels, False)
            fixture = LossFixture(lambda: candidate.make(setup), candidate.kind, reading, draw)
            fine = [
                _agrees(draw_loss_trial(fixture, shape, np.random.default_rng([7, place]), 0))
                for place, shape in enumerate(shapes)
            ]
            if all(fine):
                return reading, draw
            if None not in fine:
                running.append((reading, draw))
    return running[0] if running else None


def _agrees(trial: LossTrial) -> bool | None:
    """Return whether backward is right in a trial; None if the loss raises on it or is not finite."""
    try:
        instance = trial.fresh()
        costs = trial.forward(instance)
        got = trial.backward(instance)
    except Raised:
        return None
    if not np.isfinite(costs).all() or len(np.atleast_1d(costs)) not in (1, len(trial.yhat)):
        return None
    return got.shape == trial.yhat.shape and trial.backward_agrees(got) is True
