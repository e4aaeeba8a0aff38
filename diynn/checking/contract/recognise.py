"""The kind of a class, by its name and its methods."""

from __future__ import annotations

import re
import unicodedata

from diynn.checking.contract.class_info import ClassInfo
from diynn.checking.contract.kinds import KINDS, UNKNOWN, UNKNOWN_LOSS, Kind
from diynn.sheet import SPELLINGS

#: The two cross entropies are one kind: which of them a class computes is found by calling it.
_ONE_KIND = {"NLLLoss": "CrossEntropyLoss"}
_MORE = {
    "Optim": ("Optimizer", "Optimiseur"),
    "Conv2D": ("Conv2d", "Convolution2D"),
    "MaxPool2D": ("MaxPool2d", "MaxPooling2D"),
    "AvgPool2D": ("AvgPool2d", "AveragePool2D", "AveragePooling2D", "MeanPool2D"),
    "Flatten2D": ("Flatten2d",),
    "UpSampling2D": ("UpSampling", "Upsample2D", "UpSample2D", "UpSample"),
}
_DECORATION = re.compile(
    r"^(my|mon|ma|le|la|module|couche|layer)|(module|layer|couche|activation|bis|v?\d+)$"
)


def normalise(name: str) -> str:
    """Return a name in lower case, without accents, underscores and signs."""
    bare = unicodedata.normalize("NFKD", name)
    return re.sub(r"[^a-z0-9]", "", bare.encode("ascii", "ignore").decode().lower())


def _names() -> dict[str, str]:
    found: dict[str, str] = {}
    for canonical, spellings in {**SPELLINGS, **_MORE}.items():
        kind = _ONE_KIND.get(canonical, canonical)
        found |= {normalise(each): kind for each in (canonical, *spellings) if kind in KINDS}
    return found


def recognise(name: str) -> Kind | None:
    """Return the kind that the name of a class suggests, None if no known one."""
    names = _names()
    word = normalise(name)
    for _ in range(3):
        if word in names:
            return KINDS[names[word]]
        for ending in ("loss", "cost", "cout"):
            if word.endswith(ending) and word.removesuffix(ending) in names:
                kind = KINDS[names[word.removesuffix(ending)]]
                if kind.loss:
                    return kind
        shorter = _DECORATION.sub("", word)
        if shorter == word:
            break
        word = shorter
    if "binary" in word or "bce" in word or "binaire" in word:
        return KINDS["BCEWithLogitsLoss" if "logit" in word else "BCELoss"]
    if (
        "crossent" in word
        or "entropiecroisee" in word
        or word.startswith(("celoss", "celog", "logsoftmaxce"))
    ):
        return KINDS["CrossEntropyLoss"]
    return None


def kind_name(name: str) -> str:
    """Return the name of the kind that the name of a class suggests, empty if no known one."""
    kind = recognise(name)
    return "" if kind is None else kind.name


def is_base(name: str) -> bool:
    """Return whether a class has the name of the sheet's base class of modules."""
    return normalise(name) in ("module", "layer", "couche")


def kind_of(info: ClassInfo) -> Kind:
    """Return the kind of a class: by its name, unless its methods contradict it."""
    kind = recognise(info.name)
    loss = "backward" in info.methods and "backward_delta" not in info.methods
    if kind is None:
        return UNKNOWN_LOSS if loss else UNKNOWN
    if kind.family == "module" and loss and info.takes.get("forward", 0) >= 2:
        return UNKNOWN_LOSS
    if kind.loss and not loss and "backward_delta" in info.methods:
        return UNKNOWN
    return kind


def preferred_reading(name: str) -> str:
    """Return the reading of a cross entropy that its name suggests."""
    if normalise(name) in {normalise(each) for each in ("NLLLoss", *SPELLINGS["NLLLoss"])}:
        return "nll"
    return "logits"
