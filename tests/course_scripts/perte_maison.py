# Style : son propre CrossEntropyLoss qui prend des probabilites (8 depots sur 17), apres le Softmax du paquet.
import numpy as np
from sklearn.datasets import make_blobs
from diynn import Linear, TanH, Softmax, Sequentiel, Optim


class CrossEntropyLoss:
    def forward(self, y, yhat):
        return -np.log(yhat[np.arange(len(y)), y] + 1e-10)

    def backward(self, y, yhat):
        grad = np.zeros_like(yhat)
        grad[np.arange(len(y)), y] = -1 / (yhat[np.arange(len(y)), y] + 1e-10)
        return grad


np.random.seed(5)
X, y = make_blobs(600, centers=4, cluster_std=1.0, random_state=8)
X = (X - X.mean(axis=0)) / X.std(axis=0)
Xtrain, ytrain, Xtest, ytest = X[:400], y[:400], X[400:], y[400:]

net = Sequentiel([Linear(2, 16), TanH(), Linear(16, 4), Softmax()])
optim = Optim(net, CrossEntropyLoss(), 0.01)

for i in range(40):
    perm = np.random.permutation(len(Xtrain))
    for batch in np.array_split(perm, 20):
        c = optim.step(Xtrain[batch], ytrain[batch])

proba = net.forward(Xtest)
# matrice de confusion a la main
confusion = np.zeros((4, 4), dtype=int)
for vrai, predit in zip(ytest, np.argmax(proba, axis=1)):
    confusion[vrai, predit] += 1
print(confusion)
acc = np.trace(confusion) / confusion.sum()
print("accuracy", acc, "cout", np.mean(CrossEntropyLoss().forward(ytest, proba)))

assert np.allclose(proba.sum(axis=1), 1)
assert acc > 0.93
