"""Steps for batches of one size: played at first, and compiled once they have taken long enough."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from diynn.arrays import Array
from diynn.execution.structure import Structure
from diynn.execution.threads import Split
from diynn.execution.updates import RecordedUpdate
from diynn.generators import generator_state, generators, set_generator_state, unique

if TYPE_CHECKING:
    from diynn.execution.whole import WholeStep

_TRIES = 3  # compilations for a net whose rule is replaced repeatedly
_GRACE = 0.5  # seconds of played steps before the next one waits for the compilation


class Update(Protocol):
    """The update of a net's parameters from its gradients, at the end of a step."""

    def __call__(self, structure: Structure | None) -> None:
        """Make the update; ``structure`` is the net's, if it was verified just now."""

    def recorded(self, structure: Structure) -> RecordedUpdate | None:
        """Return the update as a recording, if it can be one."""

    def prepare(self, structure: Structure) -> RecordedUpdate | None:
        """Return it with its numbers set; from here on Ctrl-C waits."""

    def taken(self) -> None:
        """Note that the prepared update has been made."""


class Steps:
    """Steps of training for batches of one size; of a net that is not pure, their split alone is used.

    Their number decides when they are compiled, not a clock, so that results are reproducible.

    Parameters
    ----------
    split : Split
    structure : Structure
    seconds : float
        Estimated time of a step.
    compile_after : float
        Estimated seconds of steps, in total, before they are compiled.
    wait : bool
        Whether the next step waits until they are.
    compiled_split : callable, optional
        Makes the split of compiled steps, if it is another.

    Attributes
    ----------
    taken : int
        Number of steps so far.
    """

    def __init__(
        self,
        split: Split,
        structure: Structure,
        *,
        seconds: float,
        compile_after: float,
        wait: bool,
        compiled_split: Callable[[], Split] | None = None,
    ) -> None:
        self.split, self._structure = split, structure
        self._seconds, self._compile_after, self._wait = seconds, compile_after, wait
        self._played, self._compiled_split = split, compiled_split
        self._spent = self._due = 0.0
        self.taken = 0
        self._tries = 0
        self._refused: str | None = None
        self._compiled: WholeStep | None = None
        self._update: RecordedUpdate | None = None

    @property
    def reason(self) -> str | None:
        """Why the steps are not compiled, or None if they are."""
        if self._compiled is not None and self._compiled.proved:
            return None
        if self.split.reason is not None:
            return f"not recorded: {self.split.reason}"
        if self._refused is not None:
            return f"not compiled: {self._refused}"
        if self._compiled is not None:
            return "not compiled yet: it is under way"
        return f"not compiled: steps have taken less than {self._compile_after:g} s so far"

    @property
    def source(self) -> str | None:
        """A whole step as one page of Python, or None as long as it is not recorded.

        Raises
        ------
        CannotLower
            If there is an operation that it has no source for.
        """
        from diynn.execution.programs import page

        if self.split.reason is not None:
            return None
        return page(self.split, self._structure, self._update)

    def state(self) -> dict[str, Any]:
        """Return how many steps there were, whether they are compiled, and the replicas' generators."""
        drawing = [generator_state(each) for each in self._replicas_draw_from()]
        return {"taken": self.taken, "compiled": self.reason is None, "generators": drawing}

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from a state.

        Warns
        -----
        RuntimeWarning
            If steps were compiled and are not, or the reverse: results may differ in the last digits.
        """
        self.taken = state["taken"]
        for generator, kept in zip(self._replicas_draw_from(), state["generators"], strict=False):
            set_generator_state(generator, kept)
        if (self.reason is None) is not state["compiled"]:
            words = "compiled" if state["compiled"] else "not compiled"
            warnings.warn(
                f"the steps before were {words}, and those from here on are not taken so ({self.reason}): "
                "results may differ in the last digits",
                RuntimeWarning,
                stacklevel=4,
            )

    def _replicas_draw_from(self) -> list[Any]:
        return unique(each for share in self.split.shares[1:] for each in generators(share.net))

    def take(self, update: Update, *batch: Array) -> Array:
        """Take a step for a batch: ``x``, ``y`` and weights, if there are any; return the costs (batch,)."""
        whole = self._compiled
        if whole is not None and (whole.proved or self._ready(whole)):
            if whole.looks_at_targets:
                whole.check_targets(batch[1])
            recorded = update.prepare(self._structure)
            if recorded is whole.update:
                costs = whole(*batch) if whole.proved else self._prove(whole, *batch)
                if recorded is None:
                    update(self._structure)
                else:
                    update.taken()
                return costs
            self._compiled = None  # another rule
        costs = self.split(*batch, anew=True)
        update(self._structure)
        self._spent += self._seconds
        long_enough = self._spent >= self._compile_after
        if (long_enough or self._update is None) and self._compiled is None and self._refused is None:
            self._look(update, long_enough)
        return costs

    def _look(self, update: Update, long_enough: bool) -> None:
        """Start to compile if the steps have taken long enough, and are recorded in the split for that."""
        if long_enough and self._compiled_split is not None and _installed():
            self.split, self._compiled_split = self._compiled_split(), None
        elif self.split.reason is None:
            self._update = update.recorded(self._structure)
            if long_enough:
                self._begin()
        elif not all(share.record for share in self.split.shares):
            self.split = self._played

    def _begin(self) -> None:
        """Start to compile, in the background."""
        from diynn.execution.whole import WholeStep

        self._tries += 1
        if self._tries > _TRIES:
            self._refuse("the rule was replaced again and again")
            return
        self._due = self._spent + (0 if self._wait else _GRACE)
        try:
            self._compiled = WholeStep(self.split, self._structure, self._update)
        except Exception as error:
            self._refuse(str(error))

    def _ready(self, whole: WholeStep) -> bool:
        try:
            return self._spent >= self._due and whole.ready(wait=True)
        except Exception as error:  # on any failure, the recording is played instead
            self._refuse(str(error))
            return False

    def _refuse(self, reason: str) -> None:
        self._compiled, self._refused, self.split = None, reason, self._played

    def _prove(self, whole: WholeStep, *batch: Array) -> Any:
        costs = whole.prove(*batch)
        if not whole.proved:
            self._refuse("the compiled step differs from the one that is played")
        return costs


def _installed() -> bool:
    from diynn.execution.compiled import installed  # imported late: it takes milliseconds

    return installed()
