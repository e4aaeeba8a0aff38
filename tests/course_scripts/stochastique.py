# Style : gradient stochastique pur (un exemple a la fois, X[i:i+1]), SGD(net, loss, X, y, ...) definie dans le script.
import random
import numpy as np
from diynn import Linear, Lineaire, TanH, Sigmoide, BCE, Sequentiel, Optim

random.seed(0)
np.random.seed(0)


def SGD(net, loss, X, Y, taille_batch, nb_iterations, eps=1e-2):
    optim = Optim(net, loss, eps)
    ordre = list(range(len(X)))
    couts = []
    for _ in range(nb_iterations):
        random.shuffle(ordre)
        somme = 0
        for deb in range(0, len(ordre), taille_batch):
            ids = ordre[deb:deb + taille_batch]
            somme = somme + optim.step(X[ids], Y[ids]).sum()
        couts.append(somme / len(X))
    return couts


X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
Y = np.array([[0], [1], [1], [0]])
net = Sequentiel([Lineaire(2, 4), TanH(), Linear(4, 1), Sigmoide()])
couts = SGD(net, BCE(), X, Y, 1, 600, 0.1)
for x, v in zip(X, net.forward(X)):
    print(x, round(float(v[0]), 2))
print(couts[0], couts[-1], max(couts))
assert couts[-1] < 0.1
assert [int(v) for v in net.forward(X).round().reshape(-1)] == [0, 1, 1, 0]
