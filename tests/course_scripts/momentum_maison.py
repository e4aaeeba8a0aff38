# Style : momentum ecrit a la main sur _parameters et _gradient des modules, eps par np.logspace, copie du meilleur reseau.
import copy
import numpy as np
import matplotlib.pyplot as plt
from sklearn.datasets import make_moons
from diynn import Linear, TanH, Sigmoid, BCELoss, Sequentiel

X, y = make_moons(300, noise=0.1, random_state=3)
y = y.reshape(-1, 1)
Xv, yv = make_moons(200, noise=0.1, random_state=4)
yv = yv.reshape(-1, 1)

resultats = {}
for eps in np.logspace(-4, -2, 3):
    np.random.seed(0)
    net = Sequentiel()
    net.add_module(Linear(2, 15))
    net.add_module(TanH())
    net.add_module(Linear(15, 1))
    net.add_module(Sigmoid())
    loss = BCELoss()
    vitesses = [0 for _ in net.modules]
    meilleur, meilleur_cout = None, float("inf")
    for epoch in range(150):
        net.zero_grad()
        yhat = net.forward(X)
        net.backward_update_gradient(X, loss.backward(y, yhat))
        for k, m in enumerate(net.modules):
            if m._parameters is None:
                continue
            vitesses[k] = 0.9 * vitesses[k] - eps * m._gradient
            m._parameters = m._parameters + vitesses[k]
            m._bias = m._bias - eps * m._bias_gradient
        cout = loss.forward(yv, net.forward(Xv)).mean()
        if cout < meilleur_cout:
            meilleur, meilleur_cout = copy.deepcopy(net), cout
    resultats[eps] = meilleur_cout
    print(f"eps = {eps:.0e} : meilleur cout en validation {meilleur_cout:.3f}")

plt.semilogx(list(resultats.keys()), [float(c) for c in resultats.values()], "o-")
plt.savefig("eps.png")
acc = ((meilleur.forward(Xv) > 0.5) == (yv == 1)).sum() / len(yv)
assert min(resultats, key=resultats.get) == max(resultats)
assert float(acc) > 0.9
