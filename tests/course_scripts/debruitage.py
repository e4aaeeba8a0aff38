# Style : auto-encodeur debruiteur ; boucle a la main sur un Sequentiel (forward, backward_update_gradient, update).
import numpy as np
from sklearn.datasets import load_digits
from diynn import *

np.random.seed(3)

X = load_digits().data / 16
np.random.shuffle(X)
Xtrain, Xtest = X[:1400], X[1400:]


def bruit(x, sigma=0.3):
    return x + np.random.normal(0, sigma, x.shape)


net = Sequentiel([Linear(64, 100), TanH(), Linear(100, 20), TanH(), Linear(20, 100), TanH(), Linear(100, 64), Sigmoide()])
loss = MSELoss()

nb_epochs, taille_batch, eps = 25, 25, 3e-3
couts = []
for epoch in range(nb_epochs):
    perm = np.random.permutation(len(Xtrain))
    cout = 0
    for deb in range(0, len(Xtrain), taille_batch):
        propre = Xtrain[perm[deb:deb + taille_batch]]
        bruite = bruit(propre)
        net.zero_grad()
        yhat = net.forward(bruite)
        cout += loss.forward(propre, yhat).sum()
        delta = loss.backward(propre, yhat)
        net.backward_update_gradient(bruite, delta)
        net.update_parameters(gradient_step=eps)
    couts.append(cout / len(Xtrain))
    print("epoch %d cout %.3f" % (epoch, couts[-1]))

# l'erreur avant et apres debruitage
bruite = bruit(Xtest)
avant = ((bruite - Xtest) ** 2).sum(axis=1).mean()
apres = ((net.forward(bruite) - Xtest) ** 2).sum(axis=1).mean()
print("erreur avant", avant, "apres", apres)

assert couts[-1] < couts[0] / 2
assert apres < 0.65 * avant
