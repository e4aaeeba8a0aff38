# Style : son conteneur derive de Module et a les methodes du sujet ; entraine par l'Optim du paquet, mini-batchs tires.
import numpy as np
from diynn import Module, Linear, TanH, Sigmoide, MSELoss, Optim

np.random.seed(4)


class MonSequentiel(Module):
    def __init__(self, modules=None):
        super().__init__()
        self.modules = modules if modules is not None else []
        self.inputs = []

    def ajouter(self, module):
        self.modules.append(module)

    def forward(self, X):
        self.inputs = [X]
        for module in self.modules:
            self.inputs.append(module.forward(self.inputs[-1]))
        return self.inputs[-1]

    def zero_grad(self):
        for module in self.modules:
            module.zero_grad()

    def backward_delta(self, input, delta):
        self.deltas = [delta]
        for i in range(len(self.modules) - 1, -1, -1):
            self.deltas.append(self.modules[i].backward_delta(self.inputs[i], self.deltas[-1]))
        return self.deltas[-1]

    def backward_update_gradient(self, input, delta):
        for i, module in enumerate(reversed(self.modules)):
            module.backward_update_gradient(self.inputs[len(self.modules) - 1 - i], self.deltas[i])

    def update_parameters(self, gradient_step=1e-3):
        for module in self.modules:
            module.update_parameters(gradient_step)


def cercles(n):
    r = np.concatenate([np.random.uniform(0, 0.5, n), np.random.uniform(0.8, 1.3, n)])
    t = np.random.uniform(0, 2 * np.pi, 2 * n)
    return np.stack([r * np.cos(t), r * np.sin(t)], axis=1), np.array([0] * n + [1] * n).reshape((-1, 1))


datax, datay = cercles(250)
net = MonSequentiel([Linear(2, 12), TanH(), Linear(12, 1)])
net.ajouter(Sigmoide())
opt = Optim(net=net, loss=MSELoss(), eps=0.05)

hist = []
for it in range(600):
    idx = np.random.choice(len(datax), 50, replace=False)
    hist.append(opt.step(datax[idx], datay[idx]).mean())
    if len(hist) > 100 and abs(hist[-1] - hist[-2]) < 1e-7:
        print("convergence a l'iteration", it)
        break

test, verite = cercles(100)
bonnes = ((net.forward(test) > 0.5) == verite).sum()
print(f"{int(bonnes)} bonnes reponses sur {len(test)}, cout {hist[-1]:.4f}")
assert hist[-1] < 0.1
assert bonnes / len(test) > 0.95
