"""What the mistakes that any module or loss may make are, in words."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # ------------------------------------------------------------ anything
    "any.zero": (
        "zeros are returned: nothing reaches what comes before",
        "des zéros sont renvoyés : rien n'est transmis",
    ),
    "any.sign": ("the sign is reversed", "le signe est inversé"),
    "any.divided_by_batch": (
        "divided by the batch: gradients are summed over the examples, so that they add up from batch to "
        "batch",
        "divisé par la taille du batch : les gradients sont des sommes sur les exemples, pour "
        "s'additionner d'un "
        "batch à l'autre",
    ),
    "any.divided_twice": (
        "divided by the batch twice: gradients are summed over the examples, and not divided at all",
        "divisé deux fois par la taille du batch : les gradients sont des sommes sur les exemples, "
        "sans division",
    ),
    "any.transposed": (
        "the result is transposed: the batch comes first",
        "le résultat est transposé : le batch vient en premier",
    ),
    "any.times_batch": ("multiplied by the size of the batch", "multiplié par la taille du batch"),
    "any.learning_rate": (
        "a learning rate is applied already: only `update_parameters` knows the step",
        "un pas d'apprentissage est déjà appliqué : seul `update_parameters` connaît le pas",
    ),
    "any.constant": ("off by a constant factor of {factor}", "juste à un facteur constant près, {factor}"),
    "any.identity": (
        "`delta` is returned unchanged, as if the derivative were 1",
        "`delta` est renvoyé tel quel, comme si la dérivée valait 1",
    ),
    "any.identity_forward": ("the data are returned unchanged", "les données sont renvoyées telles quelles"),
    "any.delta_times_data": ("`delta` is multiplied by the data", "`delta` est multiplié par les données"),
    "any.returns_data": (
        "the data are returned instead of a delta",
        "les données sont renvoyées au lieu d'un delta",
    ),
    "any.returns_gradient": (
        "this is the gradient of the parameters, not that of the data",
        "c'est le gradient des paramètres, et non celui des données",
    ),
    "any.summed_over_batch": (
        "the deltas are summed over the batch: each example has its own",
        "les deltas sont additionnés sur le batch : chaque exemple a le sien",
    ),
    "any.averaged_over_batch": (
        "the deltas are averaged over the batch: each example has its own",
        "les deltas sont moyennés sur le batch : chaque exemple a le sien",
    ),
    "any.overwritten": (
        "the gradient is overwritten: `=` where `+=` is due. A second batch forgets the first",
        "le gradient est écrasé : `=` au lieu de `+=`. Un second batch oublie le premier",
    ),
    "any.first_kept": ("only the first call has any effect", "seul le premier appel a un effet"),
    "any.doubled": ("the gradient is doubled, not added to", "le gradient est doublé, et non cumulé"),
    "any.zero_grad_nothing": (
        "`zero_grad` leaves the gradient as it was",
        "`zero_grad` laisse le gradient tel qu'il était",
    ),
    "any.zero_grad_partial": (
        "`zero_grad` resets one of the two gradients only: weights or bias",
        "`zero_grad` ne remet à zéro qu'un des deux gradients : poids ou biais",
    ),
    "any.update_ascends": (
        "the gradient is added: the cost goes up. Step against it",
        "le gradient est ajouté : le coût augmente. Il faut aller à l'opposé",
    ),
    "any.update_ignores_step": ("the step is ignored", "le pas de gradient est ignoré"),
    "any.update_default_step": (
        "the step given is ignored: 1e-3 is taken",
        "le pas donné est ignoré : c'est 1e-3 qui est pris",
    ),
    "any.update_nothing": ("the parameters do not change", "les paramètres ne changent pas"),
    "any.update_partial": (
        "only the weights are updated, or only the bias",
        "seuls les poids sont mis à jour, ou seul le biais",
    ),
    "any.update_is_gradient": (
        "the parameters are replaced by step × gradient",
        "les paramètres sont remplacés par pas × gradient",
    ),
    "any.mutates": (
        "`{method}` changes its argument `{argument}` in place: whoever passed it finds other values. "
        "Work on "
        "a copy, or write `a = a * b` for `a *= b`",
        "`{method}` modifie sur place son argument `{argument}` : qui l'a passé y trouve d'autres valeurs. "
        "Travaillez sur une copie, ou écrivez `a = a * b` au lieu de `a *= b`",
    ),
    "any.updates_early": (
        "`{method}` changes the parameters: only `update_parameters` may",
        "`{method}` modifie les paramètres : seul `update_parameters` le doit",
    ),
    "any.cached": (
        "`{method}` relies on what an earlier `forward` left behind (self.…) instead of its own "
        "arguments: it "
        "is right only straight after a forward pass on the same data",
        "`{method}` se fie à ce qu'un `forward` précédent a laissé (self.…) et non à ses arguments : elle "
        "n'est juste que tout de suite après un forward sur les mêmes données",
    ),
    "any.overflow": (
        "an exponential or a power of a large number overflows, or a logarithm is taken of 0",
        "une exponentielle ou une puissance d'un grand nombre déborde, ou un logarithme est pris en 0",
    ),
    "any.stale": (
        "`{method}` relies on what an earlier step left behind (self.…): from the second batch on it answers "
        "for the first. Compute it anew in every `forward`, or from the arguments",
        "`{method}` se fie à ce qu'un pas précédent a laissé (self.…) : dès le deuxième batch elle répond "
        "pour le premier. Recalculez-le à chaque `forward`, ou à partir des arguments",
    ),
    "any.reuses_output": (
        "`{method}` returns the same array each time: the second call overwrites the result of the first",
        "`{method}` renvoie à chaque fois le même tableau : le second appel écrase le résultat du premier",
    ),
    "any.truncates": (
        "values are cut to whole numbers: an array made like an integer one (zeros_like, empty_like) holds "
        "no fractions. Give it dtype=float",
        "les valeurs sont tronquées en entiers : un tableau créé comme un tableau d'entiers (zeros_like, "
        "empty_like) ne contient pas de fractions. Donnez-lui dtype=float",
    ),
}
