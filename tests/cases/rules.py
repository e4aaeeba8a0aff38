"""The update rules, one case each."""

from math import sqrt

import diynn
from tests.cases.case import RuleCase, RuleValue
from tests.cases.theirs import optimiser


def theirs(rule, parameters, eps, **options):
    """Return the step of PyTorch's for any of our rules."""
    [case] = [case for case in RULES if type(case.rules[0]) is type(rule)]
    return case.torch(rule, parameters, eps, **options)


def clipped(function):
    """Return the step of a rule around another: PyTorch clips by a function of all parameters."""

    def torch(rule, parameters, eps):
        import torch

        inner = theirs(rule.rule, parameters, eps)

        def step():
            getattr(torch.nn.utils, function)(parameters, rule.limit)
            inner()

        return step

    return torch


# Adam with β₁ = 1/2, β₂ = 3/4, ε = 1, η = 0.1. First: m̂ = 2, v̂ = 4, w = 1 - 0.1·2/3 = 14/15.
# Second, g = 28/15: m = 1/2 + 14/15 = 43/30, m̂ = 4/3 m; v = 3/4 + 196/225 = 1459/900, v̂ = 16/7 v.
ADAM = 1 - 0.1 * 2 / 3, 14 / 15 - 0.1 * (4 / 3 * 43 / 30) / (sqrt(16 / 7 * 1459 / 900) + 1)
# With λ = 1/2, 0.05 w goes off as well: w = 14/15 - 1/20 = 53/60 after the first step, and g = 53/30,
# m = 1/2 + 53/60 = 83/60, v = 3/4 + 2809/3600 = 5509/3600.
ADAM_W = (
    53 / 60,
    53 / 60 * 0.95 - 0.1 * (4 / 3 * 83 / 60) / (sqrt(16 / 7 * 5509 / 3600) + 1),
)
# RMSprop with ρ = 1/2, ε = 1: v = 4/2, and then 2/2 + (2 w)²/2.
RMS = 1 - 0.2 / (sqrt(2) + 1)
RMS_PROP = RMS, RMS - 0.2 * RMS / (sqrt(1 + 2 * RMS**2) + 1)

PLAIN = diynn.PlainStep()
RULES = [
    RuleCase(
        [PLAIN],
        torch=lambda rule, parameters, eps, **options: optimiser("SGD", parameters, lr=eps, **options),
        value=[RuleValue(PLAIN, (0.8, 0.64))],
    ),
    RuleCase(
        [diynn.Momentum(), diynn.Momentum(0.7, nesterov=True)],
        torch=lambda rule, parameters, eps, **options: optimiser(
            "SGD", parameters, lr=eps, momentum=rule.mu, nesterov=rule.nesterov, **options
        ),
        value=[
            RuleValue(diynn.Momentum(0.0), (0.8, 0.64)),
            RuleValue(diynn.Momentum(0.5), (0.8, 0.8 - 0.1 * (1 + 1.6))),  # v = 2, then 2/2 + 1.6
            # g + v/2 = 3, then
            RuleValue(diynn.Momentum(0.5, nesterov=True), (0.7, 0.7 - 0.1 * (1.4 + (1 + 1.4) / 2))),
        ],
    ),
    RuleCase(
        [diynn.Adam(), diynn.Adam(0.8, 0.95, epsilon=1e-3)],
        torch=lambda rule, parameters, eps, **options: optimiser(
            "Adam", parameters, lr=eps, betas=(rule.beta1, rule.beta2), eps=rule.epsilon, **options
        ),
        value=[RuleValue(diynn.Adam(0.5, 0.75, epsilon=1.0), ADAM)],
    ),
    RuleCase(
        [diynn.AdamW(), diynn.AdamW(decay=0.1)],
        torch=lambda rule, parameters, eps: optimiser(
            "AdamW",
            parameters,
            lr=eps,
            betas=(rule.beta1, rule.beta2),
            eps=rule.epsilon,
            weight_decay=rule.decay,
        ),
        value=[RuleValue(diynn.AdamW(0.5, 0.75, epsilon=1.0, decay=0.5), ADAM_W)],
    ),
    RuleCase(
        [diynn.RMSprop(), diynn.RMSprop(0.8, epsilon=1e-3)],
        torch=lambda rule, parameters, eps, **options: optimiser(
            "RMSprop", parameters, lr=eps, alpha=rule.rho, eps=rule.epsilon, **options
        ),
        value=[RuleValue(diynn.RMSprop(0.5, epsilon=1.0), RMS_PROP)],
    ),
    # rules around others
    RuleCase(
        [diynn.WeightDecay(rule, 0.3, biases=True) for rule in (PLAIN, diynn.Adam(), diynn.Momentum())],
        torch=lambda rule, parameters, eps: theirs(rule.rule, parameters, eps, weight_decay=rule.decay),
        value=[
            RuleValue(diynn.WeightDecay(PLAIN, 0.5), (0.75, 0.5625)),  # g = 2 w + w/2
            RuleValue(diynn.WeightDecay(diynn.Momentum(0.5), 0.5), (0.75, 0.75 - 0.1 * (1.25 + 1.875))),
            RuleValue(diynn.WeightDecay(diynn.ClipValue(PLAIN, 1.0), 0.5), (0.9, 0.8)),
        ],
    ),
    RuleCase(
        [
            *(diynn.ClipNorm(PLAIN, limit) for limit in (0.01, 1.0, 1e3)),
            diynn.ClipNorm(diynn.Momentum(), 0.3),
        ],
        torch=clipped("clip_grad_norm_"),
        rtol=1e-5,  # PyTorch adds 1e-6 to the norm
        atol=1e-7,
        value=[
            RuleValue(diynn.ClipNorm(PLAIN, 0.5), (0.95, 0.9)),
            RuleValue(diynn.ClipNorm(PLAIN, 1.8), (0.82, 0.82 - 0.1 * 1.64)),  # the second is short enough
        ],
    ),
    RuleCase(
        [*(diynn.ClipValue(PLAIN, limit) for limit in (0.01, 1.0, 1e3)), diynn.ClipValue(diynn.Adam(), 0.1)],
        torch=clipped("clip_grad_value_"),
        value=[
            RuleValue(diynn.ClipValue(PLAIN, 0.5), (0.95, 0.9)),
            RuleValue(diynn.ClipValue(PLAIN, 1.8), (0.82, 0.82 - 0.1 * 1.64)),
            RuleValue(  # w/2 beside a gradient of 2 w, shortened to 1
                diynn.ClipValue(diynn.WeightDecay(PLAIN, 0.5), 1.0), (0.85, 0.85 - 0.1 * (1 + 0.85 / 2))
            ),
        ],
    ),
]
