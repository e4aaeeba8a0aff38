"""What each known mistake of an activation, a softmax or a Flatten is, in words."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # ------------------------------------------------------------ activations
    "activation.at_output": (
        "the derivative is evaluated at the output instead of the input: the function is applied twice",
        "la dérivée est évaluée en la sortie au lieu de l'entrée : la fonction est appliquée deux fois",
    ),
    "activation.data_for_output": (
        "the formula is the one in terms of the output, but it is given the input: `data` is not "
        "`forward(data)`",
        "la formule est celle en fonction de la sortie, mais elle reçoit l'entrée : `data` n'est pas "
        "`forward(data)`",
    ),
    "activation.delta_for_data": ("`data` and `delta` are swapped", "`data` et `delta` sont échangés"),
    "activation.no_delta": (
        "the derivative alone is returned: it is not multiplied by `delta`",
        "seule la dérivée est renvoyée : elle n'est pas multipliée par `delta`",
    ),
    "activation.output_times_delta": (
        "`delta` is multiplied by the output instead of the derivative",
        "`delta` est multiplié par la sortie au lieu de la dérivée",
    ),
    "tanh.no_square": (
        "the square is missing: 1 - tanh(x) where 1 - tanh(x)² is due",
        "il manque le carré : 1 - tanh(x) au lieu de 1 - tanh(x)²",
    ),
    "tanh.half": (
        "this is tanh(x/2): the exponents lack a factor of 2",
        "c'est tanh(x/2) : il manque un facteur 2 dans les exposants",
    ),
    "tanh.is_sigmoid": ("this is the sigmoid", "c'est la sigmoïde"),
    "tanh.sign": ("the sign is reversed: this is -tanh(x)", "le signe est inversé : c'est -tanh(x)"),
    "tanh.is_tan": (
        "this is the tangent, np.tan, not the hyperbolic one, np.tanh",
        "c'est la tangente np.tan, et non la tangente hyperbolique np.tanh",
    ),
    "tanh.overflow": (
        "the exponential overflows and gives inf/inf: use np.tanh, or an exponential of -|x| alone",
        "l'exponentielle déborde et donne inf/inf : utilisez np.tanh, ou seulement l'exponentielle de -|x|",
    ),
    "sigmoid.e_over_sum": (
        "the denominator is not squared: s(1 - s) = e^-x / (1 + e^-x)²",
        "le dénominateur n'est pas au carré : s(1 - s) = e^-x / (1 + e^-x)²",
    ),
    "sigmoid.wrong_power": (
        "the derivative is s(1 - s), neither 1 - s² (that is tanh's), nor 1 - s, nor s²",
        "la dérivée est s(1 - s), ni 1 - s² (celle de tanh), ni 1 - s, ni s²",
    ),
    "sigmoid.sign": (
        "the sign of the exponent is reversed: 1 / (1 + e^x) decreases",
        "le signe de l'exposant est inversé : 1 / (1 + e^x) décroît",
    ),
    "sigmoid.is_tanh": ("this is tanh", "c'est tanh"),
    "relu.of_delta": (
        "the sign of `delta` is tested where that of `data` decides",
        "le signe de `delta` est testé alors que c'est celui de `data` qui décide",
    ),
    "relu.other_side": (
        "the mask is reversed: delta passes where x ≤ 0",
        "le masque est inversé : delta passe là où x ≤ 0",
    ),
    "relu.minus": ("where x < 0 the derivative is 0, not -1", "là où x < 0 la dérivée est 0, et non -1"),
    "relu.absolute": ("this is |x|, not max(x, 0)", "c'est |x|, et non max(x, 0)"),
    "relu.step": (
        "the mask x > 0 is returned instead of the values",
        "le masque x > 0 est renvoyé au lieu des valeurs",
    ),
    "relu.minimum": ("this is min(x, 0)", "c'est min(x, 0)"),
    # ------------------------------------------------------------ softmax
    "softmax.elementwise": (
        "softmax is treated as elementwise, with derivative s(1 - s): but each output depends on every score "
        "of its example, through the sum. s(1 - s) is only the diagonal of the Jacobian",
        "softmax est traité élément par élément, avec la dérivée s(1 - s) : mais chaque sortie dépend de "
        "tous "
        "les scores de son exemple, par la somme. s(1 - s) n'est que la diagonale de la jacobienne",
    ),
    "softmax.sum_without_s": (
        "the sum is of δ alone: it must be weighted by s",
        "la somme porte sur δ seul : elle doit être pondérée par s",
    ),
    "softmax.no_s_in_front": (
        "the factor s_i in front of the bracket is missing",
        "il manque le facteur s_i devant la parenthèse",
    ),
    "softmax.column_sum": (
        "the sum Σ_k δ_k s_k mixes the examples: it runs over the batch, not over the classes of one example",
        "la somme Σ_k δ_k s_k mélange les exemples : elle parcourt le batch et non les classes d'un exemple",
    ),
    "softmax.plus": (
        "the sum is added where it must be subtracted",
        "la somme est ajoutée alors qu'il faut la soustraire",
    ),
    "softmax.minus_one": (
        "s - δ is no derivative of softmax: s - y is the gradient of softmax and cross entropy together, "
        "and belongs in that loss",
        "s - δ n'est pas une dérivée de softmax : s - y est le gradient de softmax et de l'entropie croisée "
        "ensemble, et sa place est dans ce coût",
    ),
    "softmax.over_batch": (
        "the sum runs over the batch (axis 0): the rows do not add up to 1. Sum over axis=1, keepdims=True",
        "la somme parcourt le batch (axe 0) : la somme de chaque ligne n'est pas 1. Sommez sur axis=1, "
        "keepdims=True",
    ),
    "softmax.over_all": (
        "the sum runs over the whole batch: each example needs its own. Sum over axis=1, keepdims=True",
        "la somme parcourt tout le batch : chaque exemple a la sienne. Sommez sur axis=1, keepdims=True",
    ),
    "softmax.not_normalised": ("the division by the sum is missing", "il manque la division par la somme"),
    "softmax.no_exponential": ("the exponential is missing", "il manque l'exponentielle"),
    "softmax.shift_one_side": (
        "the maximum is subtracted in the numerator and not in the sum",
        "le maximum est soustrait au numérateur et pas dans la somme",
    ),
    "softmax.is_log": ("the logarithm is one too many", "il y a un logarithme de trop"),
    "softmax.overflow": (
        "the exponential of a large score overflows: subtract the maximum of each example first, which "
        "changes nothing but the overflow, and take no logarithm of a softmax",
        "l'exponentielle d'un grand score déborde : soustrayez d'abord le maximum de chaque exemple, ce qui "
        "ne change que le débordement, et ne prenez pas le logarithme d'un softmax",
    ),
    "logsoftmax.elementwise": (
        "log-softmax is treated as elementwise, δ(1 - s): every output depends on every score of its example",
        "log-softmax est traité élément par élément, δ(1 - s) : chaque sortie dépend de tous les scores",
    ),
    "logsoftmax.no_sum": (
        "the softmax must be multiplied by the sum of δ over the classes",
        "le softmax doit être multiplié par la somme des δ sur les classes",
    ),
    "logsoftmax.weighted_sum": (
        "the sum is of δ alone here: it is softmax whose sum is weighted by s",
        "la somme porte ici sur δ seul : c'est pour softmax qu'elle est pondérée par s",
    ),
    "logsoftmax.column_sum": (
        "the sum of δ mixes the examples: it runs over the batch, not over the classes",
        "la somme des δ mélange les exemples : elle parcourt le batch et non les classes",
    ),
    "logsoftmax.is_softmax": (
        "this is softmax: the logarithm is left out",
        "c'est softmax : le logarithme est oublié",
    ),
    "logsoftmax.log_for_s": (
        "the sum is multiplied by log softmax where softmax is due",
        "la somme est multipliée par log softmax au lieu de softmax",
    ),
    "logsoftmax.no_log": ("the logarithm of the sum is missing", "il manque le logarithme de la somme"),
    # ------------------------------------------------------------ flatten
    "flatten.times_data": (
        "`delta` is multiplied by the input: the values only change places, so delta only does so too",
        "`delta` est multiplié par l'entrée : les valeurs ne font que changer de place, delta aussi",
    ),
    "flatten.not_reshaped": (
        "`delta` is returned in the shape of the output: it must be given the shape of the input",
        "`delta` est renvoyé dans la forme de la sortie : il faut lui redonner celle de l'entrée",
    ),
    "flatten.other_order": (
        "the values are laid out in another order than C's: backward and forward must agree on it",
        "les valeurs sont rangées dans un autre ordre que celui de C : backward et forward doivent "
        "s'accorder",
    ),
    "flatten.data_back": (
        "the input is returned instead of `delta` in its shape",
        "c'est l'entrée qui est renvoyée, au lieu de `delta` dans sa forme",
    ),
    "flatten.batch_too": (
        "the batch is flattened with the rest: keep the first axis",
        "le batch est aplati avec le reste : gardez le premier axe",
    ),
    "flatten.one_axis_left": (
        "the length is merged into the batch, and the channels are left",
        "la longueur est fondue dans le batch, et seuls les canaux restent",
    ),
}
