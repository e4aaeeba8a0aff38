"""What each known mistake of a loss is, in words."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "loss.scalar": (
        "one number is returned for the whole batch: the sheet asks for one cost per example, (batch,)",
        "un seul nombre est renvoyé pour tout le batch : l'énoncé demande un coût par exemple, (batch,)",
    ),
    "loss.elementwise": (
        "one cost per output is returned: the sheet asks for one per example, their sum over the outputs",
        "un coût par sortie est renvoyé : l'énoncé en demande un par exemple, leur somme sur les sorties",
    ),
    "loss.over_batch": (
        "the sum runs over the batch (axis 0): there is one cost per output instead of one per example",
        "la somme parcourt le batch (axe 0) : il y a un coût par sortie au lieu d'un par exemple",
    ),
    "loss.divided_by_batch": (
        "the costs are divided by the batch: each example has its own",
        "les coûts sont divisés par la taille du batch : chaque exemple a le sien",
    ),
    "loss.mean_gradient": (
        "forward sums over the outputs where backward averages, or the reverse",
        "forward prend la somme sur les sorties et backward la moyenne, ou l'inverse",
    ),
    "loss.summed_gradient": (
        "the gradient is summed over the outputs or the batch: it has one entry for each entry of ŷ",
        "c'est la somme du gradient sur les sorties ou sur le batch : il faut une valeur pour chaque "
        "valeur de ŷ",
    ),
    "loss.columns": (
        "a column (n, 1) minus a row (n,) broadcasts to all n × n differences",
        "une colonne (n, 1) moins une ligne (n,) donne par broadcasting les n × n différences",
    ),
    "loss.broadcasts": (
        "a target (n,) against a prediction (n, 1) broadcasts silently to n × n differences: check that the "
        "shapes are equal (assert y.shape == yhat.shape)",
        "une cible (n,) face à une prédiction (n, 1) donne en silence, par broadcasting, n × n différences : "
        "vérifiez que les dimensions sont égales (assert y.shape == yhat.shape)",
    ),
    "mse.square_of_sum": (
        "the sum is squared: the squares must be summed, or opposite errors cancel",
        "la somme est élevée au carré : il faut la somme des carrés, sinon les erreurs opposées se "
        "compensent",
    ),
    "mse.mean_over_outputs": (
        "the mean over the outputs is taken: ‖y - ŷ‖² is a sum",
        "la moyenne sur les sorties est prise : ‖y - ŷ‖² est une somme",
    ),
    "mse.root": (
        "the root is one too many: ‖y - ŷ‖² is squared",
        "il y a une racine de trop : ‖y - ŷ‖² est au carré",
    ),
    "mse.half": (
        "the cost is halved: ‖y - ŷ‖² has no factor of 1/2",
        "le coût est divisé par deux : ‖y - ŷ‖² n'a pas de facteur 1/2",
    ),
    "mse.not_squared": ("the differences are not squared", "les différences ne sont pas élevées au carré"),
    "mse.squared_and_y": (
        "the difference of the squares is not the square of the difference",
        "la différence des carrés n'est pas le carré de la différence",
    ),
    "mse.sign": (
        "the sign is reversed: derive with respect to ŷ, not to y",
        "le signe est inversé : on dérive par rapport à ŷ, et non à y",
    ),
    "mse.no_two": ("the factor of 2 is missing", "il manque le facteur 2"),
    "mse.squared_gradient": (
        "the gradient of a square is not squared",
        "le gradient d'un carré n'est pas lui-même élevé au carré",
    ),
    "mse.mean_gradient": (
        "the gradient is divided by the number of outputs, and the cost is a sum over them",
        "le gradient est divisé par le nombre de sorties, alors que le coût est leur somme",
    ),
    "bce.sign_slip": (
        "a sign slipped in one of the two halves: both logarithms have a minus, and 1 - ŷ has the "
        "derivative -1",
        "un signe est faux dans l'une des deux moitiés : les deux logarithmes ont un moins, et la dérivée de "
        "1 - ŷ est -1",
    ),
    "bce.no_minus": ("the minus in front is missing", "il manque le signe moins devant"),
    "bce.first_half": (
        "the half with 1 - y is missing: a target of 0 teaches nothing",
        "il manque la moitié en 1 - y : une cible de 0 n'apprend rien au réseau",
    ),
    "bce.swapped": ("y and ŷ are swapped", "y et ŷ sont échangés"),
    "bce.hard": (
        "targets between 0 and 1 are treated as 0 or 1: the pixels of an autoencoder lie between them",
        "les cibles entre 0 et 1 sont traitées comme 0 ou 1 : les pixels d'un auto-encodeur sont entre "
        "les deux",
    ),
    "bce.one_log": ("log(1 - ŷ) is not 1 - log ŷ", "log(1 - ŷ) n'est pas 1 - log ŷ"),
    "bce.log_base": (
        "the logarithm is the natural one, np.log",
        "le logarithme est le logarithme népérien np.log",
    ),
    "bce.of_logits": (
        "ŷ - y is the gradient through a sigmoid, with respect to its input: with respect to ŷ the "
        "denominator ŷ(1 - ŷ) is due, and the Sigmoid module has its own derivative",
        "ŷ - y est le gradient à travers une sigmoïde, par rapport à son entrée : par rapport à ŷ il faut le "
        "dénominateur ŷ(1 - ŷ), et le module Sigmoide a sa propre dérivée",
    ),
    "bce.logits_for_probabilities": (
        "the sigmoid is missing: ŷ is a score here",
        "il manque la sigmoïde : ŷ est ici un score",
    ),
    "bce.denominator": (
        "the denominator is ŷ(1 - ŷ), not one of its factors",
        "le dénominateur est ŷ(1 - ŷ), et non l'un de ses facteurs",
    ),
    "bce.epsilon": (
        "not finite at ŷ = 0 or 1, or an epsilon in the wrong place: y/ŷ + ε protects nothing, y/(ŷ + ε) "
        "does. "
        "The sheet clips the logarithm: max(-100, log ŷ)",
        "pas fini en ŷ = 0 ou 1, ou un epsilon au mauvais endroit : y/ŷ + ε ne protège de rien, y/(ŷ + "
        "ε) oui. "
        "L'énoncé borne le logarithme : max(-100, log ŷ)",
    ),
    "loss.epsilon_large": (
        "the epsilon in the logarithm, {epsilon}, is so large that it changes the cost: 1e-8 is enough",
        "l'epsilon dans le logarithme, {epsilon}, est si grand qu'il change le coût : 1e-8 suffit",
    ),
    "loss.epsilon_small": (
        "the epsilon in the logarithm, {epsilon}, is seen in the cost: 1e-8 is enough",
        "l'epsilon dans le logarithme, {epsilon}, se voit dans le coût : 1e-8 suffit",
    ),
    "ce.log_of_zero": (
        "the logarithm of a probability of 0 is infinite, and 0 times it is no number: bound it, "
        "max(-100, log ŷ), or add 1e-8 to ŷ",
        "le logarithme d'une probabilité nulle est infini, et 0 fois lui n'est pas un nombre : bornez-le, "
        "max(-100, log ŷ), ou ajoutez 1e-8 à ŷ",
    ),
    "ce.one_minus": (
        "1 - Σ y ŷ is no cross entropy: on log-probabilities it is -ŷ_y, without the 1",
        "1 - Σ y ŷ n'est pas une entropie croisée : sur des log-probabilités c'est -ŷ_y, sans le 1",
    ),
    "ce.no_minus": ("the minus is missing", "il manque le signe moins"),
    "ce.no_log": (
        "the logarithm of the sum of exponentials is missing",
        "il manque le logarithme de la somme des exponentielles",
    ),
    "ce.plus": ("+ŷ_y where -ŷ_y is due", "+ŷ_y au lieu de -ŷ_y"),
    "ce.log_sum_of_all": (
        "the sum of the exponentials mixes the examples: each has its own, over its classes",
        "la somme des exponentielles mélange les exemples : chacun a la sienne, prise sur ses classes",
    ),
    "ce.softmax_no_log": ("the logarithm of the softmax is missing", "il manque le logarithme du softmax"),
    "ce.binary": (
        "this is the binary cross entropy, summed over the classes",
        "c'est la somme sur les classes de l'entropie croisée binaire",
    ),
    "ce.mean_over_classes": (
        "the mean over the classes is taken: the cost is -ŷ_y, of one class",
        "la moyenne sur les classes est prise : le coût est -ŷ_y, pour une classe",
    ),
    "ce.is_mse": ("this is the squared distance", "c'est le coût des moindres carrés"),
    "ce.of_softmax": (
        "ŷ - y is the gradient through the softmax, with respect to the scores, when ŷ are probabilities: it "
        "trains only beside a Softmax whose delta is the identity, which is wrong as well. This loss's own "
        "gradient is due",
        "ŷ - y est le gradient à travers le softmax, par rapport aux scores, quand ŷ sont des probabilités : "
        "cela n'apprend qu'à côté d'un Softmax dont le delta est l'identité, ce qui est faux aussi. Il "
        "faut le "
        "gradient de ce coût-ci",
    ),
    "ce.nll_gradient": (
        "-y is the gradient of -ŷ_y alone: the logarithm has its part",
        "-y est le gradient de -ŷ_y seul : le logarithme a sa part",
    ),
    "ce.softmax_only": (
        "the target is not subtracted: softmax(ŷ) - y",
        "la cible n'est pas soustraite : softmax(ŷ) - y",
    ),
    "ce.plus_target": (
        "the target is added where it must be subtracted",
        "la cible est ajoutée au lieu d'être soustraite",
    ),
    "ce.log_gradient": (
        "-y/ŷ is the gradient of -log ŷ_y, and this forward takes no logarithm",
        "-y/ŷ est le gradient de -log ŷ_y, et ce forward ne prend pas de logarithme",
    ),
    "ce.logits_gradient": (
        "softmax(ŷ) - y is the gradient of the cross entropy on scores, and this forward is not that",
        "softmax(ŷ) - y est le gradient de l'entropie croisée sur des scores, et ce forward n'est pas "
        "celle-là",
    ),
    "ce.softmax_over_all": (
        "the softmax in the gradient mixes the examples: each has its own sum",
        "le softmax du gradient mélange les exemples : chacun a sa somme",
    ),
    "ce.softmax_unnormalised": (
        "the exponentials in the gradient are not divided by their sum",
        "les exponentielles du gradient ne sont pas divisées par leur somme",
    ),
}
