"""What each property is called, and the sentence that is said where it fails."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # ------------------------------------------------------------ names
    "property.construct": ("can be built", "se construit"),
    "property.derived": ("base class", "classe de base"),
    "property.methods": ("has its methods", "a ses méthodes"),
    "property.parameters": ("parameters", "paramètres"),
    "property.shapes": ("output shape", "dimensions de la sortie"),
    "property.forward": ("output", "sortie"),
    "property.delta": ("delta", "delta"),
    "property.gradient": ("gradient", "gradient"),
    "property.backward": ("gradient", "gradient"),
    "property.linearity": ("linear in delta", "linéaire en delta"),
    "property.accumulation": ("gradients add up", "gradients cumulés"),
    "property.zero_grad": ("zero_grad", "zero_grad"),
    "property.additivity": ("additive over the batch", "additif sur le batch"),
    "property.independence": ("examples independent", "exemples indépendants"),
    "property.unchanged": ("arguments unchanged", "arguments inchangés"),
    "property.parameters_unchanged": ("parameters unchanged", "paramètres inchangés"),
    "property.order": ("any order of calls", "ordre des appels"),
    "property.update_parameters": ("update_parameters", "update_parameters"),
    "property.finite": ("finite at extremes", "fini aux extrêmes"),
    "property.dtype": ("dtypes", "types de nombres"),
    "property.strided": ("strided arrays", "tableaux non contigus"),
    "property.broadcasting": ("no silent broadcast", "pas de broadcasting silencieux"),
    "property.time": ("time", "temps"),
    "property.net_forward": ("chain of modules", "chaîne des modules"),
    "property.net_gradient": ("every layer's gradient", "gradient de chaque couche"),
    "property.net_step": ("every layer is trained", "chaque couche apprend"),
    "property.own_work": ("own work", "travail personnel"),
    "property.define": ("definition of the class", "définition de la classe"),
    "property.run": ("runs to its end", "s'exécute jusqu'au bout"),
    # ------------------------------------------------------------ what fails
    "fails.shapes": (
        "`forward` returns another shape than it must",
        "`forward` renvoie un tableau d'autres dimensions que celles attendues",
    ),
    "fails.forward": (
        "`forward` returns other values than it must",
        "`forward` renvoie d'autres valeurs que celles attendues",
    ),
    "fails.delta": (
        "`backward_delta` is not the gradient with respect to the data",
        "`backward_delta` n'est pas le gradient par rapport aux données",
    ),
    "fails.gradient": (
        "`backward_update_gradient` does not give the gradient with respect to the parameters ({part})",
        "`backward_update_gradient` ne donne pas le gradient par rapport aux paramètres ({part})",
    ),
    "fails.backward": (
        "`backward` is not the gradient of the loss's own `forward`",
        "`backward` n'est pas le gradient du `forward` de ce même coût",
    ),
    "fails.linearity": (
        "`backward_delta` is not linear in `delta`",
        "`backward_delta` n'est pas linéaire en `delta`",
    ),
    "fails.accumulation": (
        "a second `backward_update_gradient` does not add to the first",
        "un second `backward_update_gradient` ne s'ajoute pas au premier",
    ),
    "fails.zero_grad": (
        "after `zero_grad` the gradient does not start from zero",
        "après `zero_grad` le gradient ne repart pas de zéro",
    ),
    "fails.additivity": (
        "the gradient of a batch is not the sum of its examples' gradients",
        "le gradient d'un batch n'est pas la somme de ceux de ses exemples",
    ),
    "fails.independence": (
        "what comes out for one example depends on the others in its batch",
        "ce qui sort pour un exemple dépend des autres du batch",
    ),
    "fails.unchanged": ("`{method}` changes `{argument}`", "`{method}` modifie `{argument}`"),
    "fails.parameters_unchanged": ("`{method}` changes the parameters", "`{method}` modifie les paramètres"),
    "fails.order": (
        "`{method}` depends on what was called before",
        "`{method}` dépend de ce qui a été appelé avant",
    ),
    "fails.update_parameters": (
        "`update_parameters(step)` does not subtract step × gradient",
        "`update_parameters(pas)` ne soustrait pas pas × gradient",
    ),
    "fails.finite": (
        "`{method}` is not finite where an input is {value}",
        "`{method}` n'est pas fini là où une entrée vaut {value}",
    ),
    "fails.dtype": (
        "`{method}` gives other values for the same numbers as {dtype}",
        "`{method}` donne d'autres valeurs pour les mêmes nombres en {dtype}",
    ),
    "fails.strided": (
        "`{method}` gives other values for arrays that do not lie in one piece",
        "`{method}` donne d'autres valeurs pour des tableaux non contigus",
    ),
    "fails.broadcasting": (
        "a target (n,) against a prediction (n, 1) gives a wrong answer, and no error",
        "une cible (n,) face à une prédiction (n, 1) donne un résultat faux, sans erreur",
    ),
    "fails.net_forward": (
        "the output is not that of its modules, one after the other",
        "la sortie n'est pas celle de ses modules l'un après l'autre",
    ),
    "fails.net_gradient": (
        "layer {layer} of {layers} does not get its gradient",
        "la couche {layer} sur {layers} ne reçoit pas son gradient",
    ),
    "fails.net_step": (
        "after one step, layer {layer} of {layers} has not moved by -eps × gradient (below: eps times what)",
        "après un pas, la couche {layer} sur {layers} n'a pas bougé de -eps × gradient (ci-dessous : de eps "
        "fois quoi)",
    ),
    "mistake.net.first_layer": (
        "the first layer is never trained: the backward loop stops one layer too early, at 1 instead of 0",
        "la première couche n'apprend jamais : la boucle de backward s'arrête une couche trop tôt, à 1 "
        "au lieu de 0",
    ),
    "mistake.net.last_layer": (
        "the last layer is never trained: the backward loop begins one layer too early",
        "la dernière couche n'apprend jamais : la boucle de backward commence une couche trop tôt",
    ),
    "mistake.net.nothing": ("nothing is trained", "rien n'apprend"),
    "mistake.net.order": (
        "the layers get the delta of another layer: take the delta of the output first, then walk back "
        "one by one",
        "les couches reçoivent le delta d'une autre : partez du delta de la sortie et remontez "
        "couche par couche",
    ),
    "mistake.net.last_missing": ("the last module is not applied", "le dernier module n'est pas appliqué"),
    "mistake.net.not_zeroed": (
        "the gradients of the previous step are not reset: call zero_grad at the beginning of each step",
        "les gradients du pas précédent ne sont pas remis à zéro : appelez zero_grad au début de chaque pas",
    ),
    "mistake.net.averaged": (
        "the step is divided by the batch: the gradient is a sum over it",
        "le pas est divisé par le batch : le gradient en est une somme",
    ),
}
