# Style : les modules dans une simple liste, tout appele par mots-cles (X=, input=, delta=, gradient_step=).
import numpy as np
import diynn
from diynn import BCELoss, Linear, Sigmoide, TanH

np.random.seed(2)

X, y = diynn.data.checkerboard(500, cells=2)
y = y.reshape(-1, 1)

reseau = [Linear(2, 12), TanH(), Linear(12, 1), Sigmoide()]
loss = BCELoss()


def forward(x):
    sorties = [x]
    for module in reseau:
        sorties.append(module.forward(X=sorties[-1]))
    return sorties


couts = []
for epoch in range(40):
    for debut in range(0, len(X), 20):
        bx, by = X[debut:debut + 20], y[debut:debut + 20]
        sorties = forward(bx)
        couts.append(float(loss.forward(y=by, yhat=sorties[-1]).sum()))
        delta = loss.backward(y=by, yhat=sorties[-1])
        for i in range(len(reseau) - 1, -1, -1):
            reseau[i].zero_grad()
            reseau[i].backward_update_gradient(input=sorties[i], delta=delta)
            delta = reseau[i].backward_delta(input=sorties[i], delta=delta)
        for module in reseau:
            module.update_parameters(gradient_step=0.05)
    if epoch % 10 == 9:
        print("epoch", epoch + 1, "cout", sum(couts[-25:]) / len(X))

predits = forward(X)[-1] > 0.5
erreurs = int((predits != (y == 1)).sum())
print(erreurs, "erreurs sur", len(X))

assert sum(couts[-25:]) < sum(couts[:25]) / 3
assert erreurs / len(X) < 0.1
