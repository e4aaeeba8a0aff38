"""What each known mistake of a linear layer, a convolution or a pooling is, in words."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # ------------------------------------------------------------ linear
    "linear.no_bias": ("there is a bias and it is not added", "il y a un biais et il n'est pas ajouté"),
    "linear.transposed": ("W is transposed the wrong way round", "W est transposé dans le mauvais sens"),
    "linear.minus_bias": ("the bias is subtracted", "le biais est soustrait"),
    "linear.sum_of_bias": (
        "the sum of the biases is added to each output",
        "la somme des biais est ajoutée partout",
    ),
    "linear.mean": (
        "the outputs are divided by the batch",
        "les sorties sont divisées par la taille du batch",
    ),
    "linear.no_weights": (
        "`delta` is multiplied by the data where it goes through the weights",
        "`delta` est multiplié par les données alors qu'il passe par les poids",
    ),
    "linear.with_bias": ("the bias has no part in the delta", "le biais n'intervient pas dans le delta"),
    "linear.summed_delta": (
        "the delta is summed or averaged over the batch: each example has its own",
        "la somme ou la moyenne des deltas est prise sur le batch : chaque exemple a le sien",
    ),
    "linear.delta_of_weights": (
        "the weights are returned without `delta`",
        "les poids sont renvoyés sans `delta`",
    ),
    "linear.gradient_transposed": ("the gradient is transposed: δᵀ x", "le gradient est transposé : δᵀ x"),
    "linear.gradient_without_data": (
        "the gradient leaves out the data: only `delta` is summed",
        "le gradient oublie les données : seul `delta` y entre",
    ),
    "linear.gradient_without_delta": (
        "the gradient leaves out `delta`: only the data are summed",
        "le gradient oublie `delta` : seules les données y entrent",
    ),
    "linear.gradient_of_output": (
        "the gradient holds the output as a factor: the derivative of a linear map does not",
        "le gradient contient la sortie en facteur : la dérivée d'une application linéaire non",
    ),
    "linear.gradient_last_example": (
        "only the last example counts: `=` in a loop over the batch where `+=` is due",
        "seul le dernier exemple compte : `=` dans une boucle sur le batch au lieu de `+=`",
    ),
    "bias.not_summed": (
        "the bias gradient is `delta` itself, not summed over the batch",
        "le gradient du biais est `delta` lui-même, sans la somme sur le batch",
    ),
    "bias.column": (
        "the bias gradient has shape (1, out) and the bias (out,): the update then changes the bias's shape",
        "le gradient du biais est de dimensions (1, out) et le biais (out,) : la mise à jour change "
        "alors les "
        "dimensions du biais",
    ),
    "bias.averaged": (
        "the bias gradient is averaged: it is a sum over the batch, and over the windows",
        "le gradient du biais est une moyenne : il faut la somme sur le batch, et sur les fenêtres",
    ),
    "bias.of_all": (
        "the bias gradient sums over the outputs too: each output has its own",
        "le gradient du biais somme aussi sur les sorties : chacune a le sien",
    ),
    "bias.forgotten": (
        "the bias gets no gradient and is never trained",
        "le biais n'a pas de gradient : il n'apprend jamais",
    ),
    "bias.first_example": (
        "only the first example counts for the bias",
        "seul le premier exemple compte pour le biais",
    ),
    "bias.last_example": (
        "only the last example counts for the bias",
        "seul le dernier exemple compte pour le biais",
    ),
    "bias.other_axis": (
        "the bias gradient is summed over the wrong axis",
        "la somme du gradient du biais est prise sur le mauvais axe",
    ),
    "bias.ones": ("the bias gradient leaves out `delta`", "le gradient du biais oublie `delta`"),
    # ------------------------------------------------------------ convolution and pooling
    "conv.column_i": (
        "the window that begins at i belongs to column i / stride of the output, not to column i: a loop "
        "over "
        "range(0, size, stride) visits one column in `stride` alone, and only the first part of the input. "
        "Number the windows i = 0, 1, 2, ... and begin at i·stride",
        "la fenêtre qui commence en i correspond à la colonne i / stride de la sortie, et non à la "
        "colonne i : "
        "une boucle sur range(0, size, stride) ne visite qu'une colonne sur stride, et le début de l'entrée. "
        "Numérotez les fenêtres i = 0, 1, 2, ... et commencez en i·stride",
    ),
    "conv.half": (
        "the loop steps by the stride through the size of the output: it reads the first part of the input "
        "alone. Step through the input",
        "la boucle avance de stride dans la taille de la sortie : elle ne lit que le début de l'entrée. Il "
        "faut avancer dans l'entrée",
    ),
    "conv.no_stride": (
        "the stride is ignored: window i begins at i·stride",
        "le stride est ignoré : la fenêtre i commence en i·stride",
    ),
    "conv.last_window": (
        "the last window is left out: there are (length - k) // stride + 1 of them",
        "la dernière fenêtre est oubliée : il y en a (length - k) // stride + 1",
    ),
    "conv.last_window_zero": (
        "the last window is never computed: its output stays zero",
        "la dernière fenêtre n'est jamais calculée : sa sortie reste nulle",
    ),
    "conv.flipped": (
        "the taps are reversed: window step t goes with W[t]",
        "le filtre est retourné : la position t de la fenêtre va avec W[t]",
    ),
    "conv.axes": (
        "taps and channels are read in the other order than in forward: a reshape does not swap axes",
        "positions et canaux sont lus dans un autre ordre que dans forward : reshape n'échange pas les axes",
    ),
    "conv.mean": (
        "the window is averaged instead of summed",
        "c'est la moyenne de la fenêtre au lieu de la somme",
    ),
    "conv.first_channel": ("only the first channel is read", "seul le premier canal est lu"),
    "conv.assigned": (
        "`=` where `+=` is due: where windows overlap, each of them sends something back, and it adds up",
        "`=` au lieu de `+=` : là où les fenêtres se chevauchent, chacune renvoie quelque chose, qui "
        "s'ajoute",
    ),
    "conv.gradient_assigned": (
        "`=` where `+=` is due: only the last window counts in the gradient",
        "`=` au lieu de `+=` : seule la dernière fenêtre compte dans le gradient",
    ),
    "conv.gradient_per_window": (
        "the gradient is divided by the number of windows: it is their sum",
        "le gradient est divisé par le nombre de fenêtres : c'est leur somme",
    ),
    "pool.stride_is_k": (
        "windows are k apart whatever the stride is",
        "les fenêtres sont distantes de k, quel que soit le stride",
    ),
    "pool.over_channels": (
        "the maximum is taken over the channels too: pooling is per channel",
        "le maximum est pris aussi sur les canaux : le pooling se fait par canal",
    ),
    "pool.mean_for_max": ("this is the mean of each window", "c'est la moyenne de chaque fenêtre"),
    "pool.max_for_mean": ("this is the maximum of each window", "c'est le maximum de chaque fenêtre"),
    "pool.sum_for_mean": ("the division by k is missing", "il manque la division par k"),
    "pool.index_for_value": ("argmax is returned for max", "argmax est renvoyé au lieu de max"),
    "pool.everywhere": (
        "`delta` goes to every step of the window: only the maximum gets it",
        "`delta` va à toutes les positions de la fenêtre : seul le maximum le reçoit",
    ),
    "pool.shared": (
        "`delta` is shared out over the window, as in average pooling: only the maximum gets it",
        "`delta` est réparti sur la fenêtre, comme pour la moyenne : seul le maximum le reçoit",
    ),
    "pool.not_divided": (
        "the division by k is missing: each step gets δ / k",
        "il manque la division par k : chaque position reçoit δ / k",
    ),
    "upsampling.first": (
        "only one of the repeated values sends its delta back: they add up",
        "une seule des valeurs répétées renvoie son delta : il faut leur somme",
    ),
    "upsampling.mean": (
        "the deltas of the repeated values are averaged: they add up",
        "c'est la moyenne des deltas des valeurs répétées : il faut leur somme",
    ),
    "pool.no_offset": (
        "argmax counts within its window: the place in the sequence is i·stride + argmax",
        "argmax compte dans sa fenêtre : la place dans la séquence est i·stride + argmax",
    ),
    "pool.offset_i": (
        "the window begins at i·stride, and i is added to argmax",
        "la fenêtre commence en i·stride, et c'est i qui est ajouté à argmax",
    ),
}
