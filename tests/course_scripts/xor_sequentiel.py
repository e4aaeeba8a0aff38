# Style : "mon troisieme". Sequentiel d'une liste, Optim.step sur toutes les donnees, frontiere de decision.
import numpy as np
import matplotlib.pyplot as plt
from diynn import Sequentiel, Linear, TanH, Sigmoide, BCELoss, Optim

np.random.seed(42)


def gen_xor(n, sigma=0.2):
    centres = np.array([[-1, -1], [1, 1], [-1, 1], [1, -1]])
    labels = np.array([0, 0, 1, 1])
    ind = np.random.randint(0, 4, n)
    return centres[ind] + np.random.normal(0, sigma, (n, 2)), labels[ind].reshape(-1, 1)


def make_grid(data, step=40):
    xmax, xmin, ymax, ymin = np.max(data[:, 0]), np.min(data[:, 0]), np.max(data[:, 1]), np.min(data[:, 1])
    x, y = np.meshgrid(np.linspace(xmin, xmax, step), np.linspace(ymin, ymax, step))
    return np.c_[x.ravel(), y.ravel()], x, y


def plot_frontiere(data, f, step=40):
    grid, x, y = make_grid(data, step)
    plt.contourf(x, y, f(grid).reshape(x.shape), levels=[0, 0.5, 1], colors=("gray", "lightblue"))


datax, datay = gen_xor(500)
testx, testy = gen_xor(500)

net = Sequentiel([Linear(2, 10), TanH(), Linear(10, 1), Sigmoide()])
loss = BCELoss()
optim = Optim(net, loss, eps=0.01)

liste_couts = []
for i in range(200):
    cout = optim.step(datax, datay)
    liste_couts.append(np.mean(cout))

yhat = net.forward(testx)
yhat = np.where(yhat >= 0.5, 1, 0)
accuracy = np.mean(yhat == testy)
print("Accuracy :", accuracy, "cout :", liste_couts[-1])

fig, (ax1, ax2) = plt.subplots(1, 2, figsize=(10, 4))
plt.sca(ax1)
plot_frontiere(datax, net.forward)
ax1.scatter(datax[:, 0], datax[:, 1], c=datay[:, 0], s=8)
ax2.plot(range(len(liste_couts)), liste_couts)
ax2.set_xlabel("iterations")
plt.savefig("xor.png")

assert liste_couts[-1] < liste_couts[0] / 4
assert accuracy > 0.97
