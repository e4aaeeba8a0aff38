# Style : son propre conteneur avec backward(delta) et son propre Optim, rien que les couches et le cout du paquet.
import numpy as np
from diynn import Linear, TanH, CrossEntropyLoss, data

np.random.seed(0)


class Reseau:
    def __init__(self, *modules):
        self.modules = list(modules)

    def forward(self, x):
        self.entrees = []
        for m in self.modules:
            self.entrees.append(x)
            x = m.forward(x)
        return x

    def backward(self, delta):
        for m, entree in zip(reversed(self.modules), reversed(self.entrees)):
            m.backward_update_gradient(entree, delta)
            delta = m.backward_delta(entree, delta)
        return delta

    def zero_grad(self):
        for m in self.modules:
            m.zero_grad()

    def update_parameters(self, eps):
        for m in self.modules:
            m.update_parameters(eps)


class MonOptim:
    def __init__(self, net, loss, eps):
        self.net, self.loss, self.eps = net, loss, eps

    def step(self, batch_x, batch_y):
        yhat = self.net.forward(batch_x)
        cout = self.loss.forward(batch_y, yhat)
        self.net.zero_grad()
        self.net.backward(self.loss.backward(batch_y, yhat))
        self.net.update_parameters(self.eps)
        return cout.mean()


xtrain, ytrain, xtest, ytest = data.digits()

net = Reseau(Linear(64, 40), TanH(), Linear(40, 10))
optim = MonOptim(net, CrossEntropyLoss(), 5e-3)
for epoch in range(20):
    for x, y in data.batches(xtrain, ytrain, 32):
        cout = optim.step(x, y)
    if epoch % 5 == 0:
        print("epoch", epoch, "cout du dernier batch", float(cout))

bons = (net.forward(xtest).argmax(axis=1) == ytest).sum()
taux = int(bons) / len(ytest)
print("taux de reussite en test", taux)
assert taux > 0.92
