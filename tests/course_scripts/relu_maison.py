# Style : ses propres activations (ReLU et LeakyReLU qui derivent de Module) au milieu des couches du paquet ; append.
import numpy as np
from sklearn.datasets import make_moons
from diynn import Linear, Module, Sequentiel, Sigmoide, BCELoss, SGD, predict

np.random.seed(0)


class MaReLU(Module):
    def __init__(self):
        super().__init__()

    def forward(self, X):
        return np.maximum(X, 0)

    def backward_update_gradient(self, input, delta):
        pass

    def update_parameters(self, gradient_step=1e-3):
        pass

    def backward_delta(self, input, delta):
        return (input > 0) * delta


class LeakyReLU(MaReLU):
    def __init__(self, pente=0.1):
        super().__init__()
        self.pente = pente

    def forward(self, X):
        return (X > 0) * X + (X <= 0) * X * self.pente

    def backward_delta(self, input, delta):
        return (input > 0) * delta + (input <= 0) * delta * self.pente


X, y = make_moons(600, noise=0.15, random_state=0)
y = y.reshape(-1, 1)
X_test, y_test = make_moons(300, noise=0.15, random_state=1)

scores = []
for activation in (MaReLU, LeakyReLU):
    net = Sequentiel()
    net.append(Linear(2, 20))
    net.append(activation())
    net.append(Linear(20, 20))
    net.append(activation())
    net.append(Linear(20, 1))
    net.append(Sigmoide())
    SGD(net, BCELoss(), X, y, batch_size=20, nb_iter=25, eps=0.01)
    yhat = predict(net, X_test)
    bons = 0
    for i in range(len(yhat)):
        bons += int((yhat[i, 0] >= 0.5) == y_test[i])
    scores.append(bons / len(y_test))
    print(activation.__name__, scores[-1])

assert min(scores) > 0.9
