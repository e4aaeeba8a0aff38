# Style : sa propre Linear (derive de Module, _parameters et _bias, tirage dans [-1, 1]) entre les couches du paquet ; SGD.
import numpy as np
from diynn import Module, Linear, TanH, Sigmoide, Sequentiel, SGD, MSELoss, data


class MaLinear(Module):
    def __init__(self, entree, sortie):
        super(MaLinear, self).__init__()
        self._parameters = 2 * np.random.rand(entree, sortie) - 1
        self._bias = np.zeros((1, sortie))
        self.zero_grad()

    def zero_grad(self):
        self._gradient = np.zeros(self._parameters.shape)
        self._bias_gradient = np.zeros(self._bias.shape)

    def forward(self, X):
        assert X.shape[1] == self._parameters.shape[0]
        return X @ self._parameters + self._bias

    def backward_update_gradient(self, input, delta):
        self._gradient += input.T @ delta
        self._bias_gradient += delta.sum(axis=0).reshape(1, -1)

    def backward_delta(self, input, delta):
        return delta @ self._parameters.T


np.random.seed(0)
X, y = data.checkerboard(400, cells=2)
y = y.reshape(-1, 1)
net = Sequentiel(MaLinear(2, 20), TanH(), Linear(20, 1), Sigmoide())
h = SGD(net, MSELoss(), X, y, 20, 100, 0.1, verbose=False)
print("cout", h[0], "->", h[-1])

assert h[-1] < 0.1
