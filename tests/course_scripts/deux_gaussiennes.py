# Style : "mon second est non lineaire". import *, deux couches, chaque passe arriere ecrite module par module.
from diynn import *
import numpy as np

np.random.seed(1)

X, y = data.two_gaussians(400, spread=0.7)
y = y.reshape(-1, 1)
Xtest, ytest = data.two_gaussians(400, spread=0.7)
ytest = ytest.reshape(-1, 1)

l1 = Linear(2, 8)
act1 = TanH()
l2 = Linear(8, 1)
act2 = Sigmoide()
loss = MSELoss()


def reseau(x):
    return act2.forward(l2.forward(act1.forward(l1.forward(x))))


def taux(x, y):
    return sum((reseau(x) > 0.5) == (y == 1)) / len(y)


eps = 0.01
for epoch in range(60):
    # forward
    z1 = l1.forward(X)
    z2 = act1.forward(z1)
    z3 = l2.forward(z2)
    z4 = act2.forward(z3)
    cout = loss.forward(y, z4).mean()

    # backward
    l1.zero_grad()
    l2.zero_grad()
    d4 = loss.backward(y, z4)
    d3 = act2.backward_delta(z3, d4)
    l2.backward_update_gradient(z2, d3)
    d2 = l2.backward_delta(z2, d3)
    d1 = act1.backward_delta(z1, d2)
    l1.backward_update_gradient(X, d1)

    # mise a jour
    l1.update_parameters(eps)
    l2.update_parameters(eps)
    if epoch % 10 == 0:
        print(f"epoch {epoch} : cout = {cout:.4f}")

print("taux de bonne classification : train", taux(X, y), "test", taux(Xtest, ytest))
assert cout < 0.1
assert taux(Xtest, ytest) > 0.92
