# Style : batch, mini-batch et stochastique compares ; la fonction SGD, max_iter=, les historiques sur une figure.
import numpy as np
import matplotlib.pyplot as plt
import diynn
from diynn import SGD, Linear, MSE, Sequentiel, Sigmoide, TanH

X, Y = diynn.data.four_gaussians(300, rng=0)
Y = Y.reshape(-1, 1)

couts = {}
for nom, batch_size in [("batch", len(X)), ("mini-batch", 30), ("stochastique", 1)]:
    np.random.seed(0)  # les memes poids pour les trois
    net = Sequentiel([Linear(2, 6), TanH(), Linear(6, 1), Sigmoide()])
    # le gradient est somme sur le batch : on divise le pas pour comparer
    h = SGD(net, MSE(), X, Y, batch_size, max_iter=15, eps=0.2 / batch_size, verbose=False)
    couts[nom] = list(h)
    plt.plot(range(1, 16), h, label=nom)
    print(f"{nom:>14} : cout {h[0]:.3f} -> {h[-1]:.3f}")

plt.legend()
plt.xlabel("epochs")
plt.ylabel("cout")
plt.title("Descentes de gradient")
plt.savefig("descentes.png")

# plus de mises a jour par epoch, donc plus vite
assert couts["batch"][-1] < couts["batch"][0]
assert couts["mini-batch"][-1] < couts["batch"][-1]
assert couts["stochastique"][-1] < couts["mini-batch"][-1] / 2
