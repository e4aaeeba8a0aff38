# Style: own layers on the bare skeleton of the sheet (nothing of ours), W and b in a dict, among the package's.
import numpy as np
from sklearn.datasets import load_digits

from diynn import SGD, Optim, Sequential, Tanh, CrossEntropyLoss


class Module(object):
    def __init__(self):
        self._parameters = None
        self._gradient = None

    def zero_grad(self):
        pass

    def forward(self, X):
        pass

    def update_parameters(self, gradient_step=1e-3):
        self._parameters -= gradient_step * self._gradient

    def backward_update_gradient(self, input, delta):
        pass

    def backward_delta(self, input, delta):
        pass


class MyLinear(Module):
    def __init__(self, input, output):
        self._parameters = {
            "W": np.random.randn(input, output) * np.sqrt(1 / input),
            "b": np.zeros((1, output)),
        }
        self.zero_grad()

    def zero_grad(self):
        self._gradient = {key: np.zeros_like(value) for key, value in self._parameters.items()}

    def forward(self, X):
        assert X.shape[1] == self._parameters["W"].shape[0]
        return np.dot(X, self._parameters["W"]) + self._parameters["b"]

    def backward_update_gradient(self, input, delta):
        self._gradient["W"] += np.dot(input.T, delta)
        self._gradient["b"] += np.sum(delta, axis=0, keepdims=True)

    def backward_delta(self, input, delta):
        return np.dot(delta, self._parameters["W"].T)

    def update_parameters(self, gradient_step=1e-3):
        for key in self._parameters:
            self._parameters[key] -= gradient_step * self._gradient[key]


np.random.seed(0)
digits = load_digits()
X, y = digits.data / 16, digits.target
X_train, X_test, y_train, y_test = X[::2], X[1::2], y[::2], y[1::2]

net = Sequential(MyLinear(64, 30), Tanh(), MyLinear(30, 10))
optim = Optim(net, CrossEntropyLoss(), 1e-2)
losses = optim.SGD(X_train, y_train, batch_size=30, epochs=30)

accuracy = (net.forward(X_test).argmax(axis=1) == y_test).mean()
print(f"loss {losses[-1]:.3f}, accuracy {accuracy:.3f}")

assert losses[-1] < 0.2
assert accuracy > 0.92
