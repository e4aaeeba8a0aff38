# %% [markdown]
# # 8. Votre propre couche
#
# *[In English](08_your_own_layer.py)*
#
# Un module du sujet est une classe avec trois méthodes de calcul. Rien dans diynn n'est réservé : une
# couche écrite par vous s'apprend, se vérifie, s'enregistre et se trace comme les autres. En voici une que
# le sujet n'a pas.
#
# ReLU met à zéro tout ce qui est négatif, et une unité négative pour tous les exemples n'apprend plus.
# PReLU (He et al., 2015) en laisse passer une partie, et *apprend* laquelle, un facteur $a_j$ par variable
# :
#
# $$y_j = \max(x_j, 0) + a_j \min(x_j, 0)$$
#
# Ses deux dérivées, avec $\delta = \partial L / \partial y$ (équations 1 et 2 du sujet) :
#
# $$\frac{\partial L}{\partial x_j} = \delta_j \cdot \begin{cases} 1 & x_j > 0 \\ a_j & x_j \le 0 \end{cases}
# \qquad
# \frac{\partial L}{\partial a_j} = \sum_{\text{batch}} \delta_j \min(x_j, 0)$$

# %%
import numpy as np
from matplotlib import pyplot as plt
from page import Page, spread

import diynn
from diynn.data import digits

page = Page("08")

# %% [markdown]
# ## Un premier essai
#
# Les paramètres sont dans `_parameters`, leur gradient dans `_gradient`. Cette classe cache deux erreurs.


# %%
class FirstTry(diynn.Module):
    """Un ReLU dont les pentes négatives sont apprises, avec deux erreurs."""

    def __init__(self, features, slope=0.25):
        self._parameters = np.full(features, slope)
        self._gradient = np.zeros(features)

    def forward(self, data):
        """Rend max(x, 0) + a min(x, 0)."""
        return np.maximum(data, 0) + self._parameters * np.minimum(data, 0)

    def backward_delta(self, data, delta):
        """Rend le gradient par rapport aux données."""
        return delta * np.where(data > 0, 1, self._parameters)

    def backward_update_gradient(self, data, delta):
        """Ajoute le gradient des pentes."""
        self._gradient = (delta * data).sum(axis=0)


report = diynn.check(FirstTry(3), lang="fr")
print(report)

# %% [markdown]
# Le rapport montre la plus petite entrée pour laquelle la réponse est fausse. La sortie et le delta sont
# justes ; le gradient n'est pas la dérivée de `forward` : on y lit `delta * data` où il faut `delta *
# np.minimum(data, 0)`, car pour un $x_j$ positif la sortie ne dépend pas de $a_j$. De plus, le gradient
# est *affecté* au lieu d'être *ajouté* : avec deux batchs avant une mise à jour, le premier serait perdu.
#
# ## Corrigée
#
# Écrite avec les seuls opérateurs des tableaux, la même classe fonctionne avec toute bibliothèque de
# tableaux.


# %%
class PReLU(diynn.Module):
    """Un ReLU dont les pentes négatives sont apprises."""

    def __init__(self, features, slope=0.25, *, backend="numpy", dtype="float64"):
        self._parameters = diynn.asarray(np.full(features, slope), backend, dtype=dtype)
        self.zero_grad()

    def forward(self, data):
        """Rend max(x, 0) + a min(x, 0)."""
        return data * (data > 0) + self._parameters * (data * (data <= 0))

    def backward_delta(self, data, delta):
        """Rend le gradient par rapport aux données."""
        return delta * (data > 0) + delta * (data <= 0) * self._parameters

    def backward_update_gradient(self, data, delta):
        """Ajoute le gradient des pentes."""
        self._gradient = self._gradient + (delta * data * (data <= 0)).sum(axis=0)


report = diynn.check(PReLU(3), lang="fr")
print(report)
assert report.ok

# %% [markdown]
# ## Est-ce utile ?
#
# Le même réseau, avec ReLU puis avec PReLU entre ses couches, sur les chiffres manuscrits.


# %%
def train(activation, seed, epochs):
    """Rend un réseau avec cette activation, et son taux de réussite en test après chaque époque."""
    data = digits(rng=seed)
    new = {"rng": np.random.default_rng(seed), "init": diynn.initializers.he_uniform, **page.where}
    net = diynn.Sequential()
    for features_in, features_out in ((64, 32), (32, 32)):
        net.add(diynn.Linear(features_in, features_out, **new))
        net.add(PReLU(features_out, **page.where) if activation == "PReLU" else diynn.ReLU())
    net.add(diynn.Linear(32, 10, **new))
    history = diynn.SGD(
        net,
        diynn.CrossEntropyLoss(),
        page.asarray(data.x_train),
        page.indices(data.y_train),
        32,
        epochs,
        2e-3,
        rule=diynn.Adam(),
        validation=(page.asarray(data.x_test), page.indices(data.y_test)),
        metrics={"accuracy": diynn.accuracy},
        rng=seed,
        progress=False,
    )
    return net, history["validation_accuracy"]


epochs = page.choose(4, 40)
runs = {name: [train(name, seed, epochs) for seed in page.seeds(2, 10)] for name in ("ReLU", "PReLU")}
rows = [(name, spread([curve[-1] for _, curve in found])) for name, found in runs.items()]
page.table(
    "prelu_fr", ("activation", "réussite en test"), rows, f"{epochs} époques, {len(runs['ReLU'])} graines"
)

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for (name, found), style in zip(runs.items(), ("--", "-"), strict=True):
    curves = np.array([curve for _, curve in found])
    left.plot(range(1, epochs + 1), curves.mean(axis=0), style, label=name)
left.set(xlabel="époque", ylabel="réussite en test", ylim=(0.8, 1))
left.legend(frameon=False)
slopes = [diynn.to_numpy(net[place]._parameters) for net, _ in runs["PReLU"] for place in (1, 3)]
right.hist(np.concatenate(slopes), bins=25, color="0.5")
right.axvline(0.25, color="black", linestyle="--")
right.set(xlabel="pente a d'une unité (tirets : au départ)", ylabel="unités")
page.save(figure, "prelu_fr")

# %% [markdown]
# **Constat**, avec la version longue : non. Les deux lisent 97,3 % des chiffres de test, et rien ne les
# distingue, bien que les pentes bougent : de 0,25 à environ 0,4 pour la plupart des unités, et sous zéro
# pour quelques-unes. Une couche peut apprendre quelque chose et n'aider à rien ; il faut regarder les
# deux.
#
# ## Pour continuer
#
# ```sh
# diynn check my_layers.py                          # le même rapport pour un fichier à vous
# python examples/08_votre_couche.py --full         # la figure de la galerie
# ```
