"""The registry: one case for every layer, every loss and every update rule, with all that tests know of it.

`layers`, `losses` and `rules` hold the cases, `nets` those of modules in series, `case` says what is in one.
The tests run over all of them: what a case says is found in no other file.
"""

import pytest

from tests.cases.case import LayerCase, LayerValue, LossCase, LossValue, RuleCase, RuleValue
from tests.cases.layers import LAYERS as SINGLE
from tests.cases.losses import LOSSES
from tests.cases.nets import NETS
from tests.cases.rules import RULES
from tests.cases.windows import WINDOWS

SINGLE = [*SINGLE, *WINDOWS]
LAYERS = [*SINGLE, *NETS]
each_layer = pytest.mark.parametrize("layer", LAYERS, ids=str)
each_loss = pytest.mark.parametrize("case", LOSSES, ids=str)
#: Every rule in one setting, and the plain step of modules themselves.
each_rule = pytest.mark.parametrize("rule", [None, *(case.rules[-1] for case in RULES)], ids=repr)

__all__ = [
    "LAYERS", "LOSSES", "NETS", "RULES", "SINGLE", "LayerCase", "LayerValue", "LossCase", "LossValue",
    "RuleCase", "RuleValue", "each_layer", "each_loss", "each_rule",
]  # fmt: skip
