# Style: subclasses of the package's Optim and Sequential: SGD(X, y, batch, epochs, early stop) and predict of one's own.
import numpy as np
from sklearn.datasets import load_iris
from diynn import Linear, LogSoftmax, NLLLoss, Optim, Sequential, Tanh


class Network(Sequential):
    def predict(self, X):
        return self.forward(X).argmax(axis=1)

    def score(self, X, y):
        return sum(self.predict(X) == y) / len(y)


class Optimizer(Optim):
    def SGD(self, X, y, batch_size, n_epochs=10, patience=20):
        best, waited = np.inf, 0
        losses = []
        indices = np.arange(len(X))
        for _ in range(n_epochs):
            np.random.shuffle(indices)
            epoch_loss = 0.0
            for batch in np.array_split(indices, len(X) // batch_size):
                epoch_loss += float(self.step(X[batch], y[batch]).sum())
            losses.append(epoch_loss / len(X))
            if losses[-1] < best - 1e-4:
                best, waited = losses[-1], 0
            else:
                waited += 1
                if waited >= patience:
                    break
        return losses


np.random.seed(0)
X, y = load_iris(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
p = np.random.permutation(len(X))
X, y = X[p], y[p]

net = Network(Linear(4, 8), Tanh(), Linear(8, 3), LogSoftmax())
losses = Optimizer(net, NLLLoss(), 0.02).SGD(X[:100], y[:100], 10, n_epochs=60)
acc = float(net.score(X[100:], y[100:]))
print(len(losses), losses[-1], acc)
assert losses[-1] < 0.2
assert acc > 0.9
