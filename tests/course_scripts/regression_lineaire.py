# Style : "mon premier est lineaire". Pas de conteneur, pas d'Optim : un seul module et la boucle a la main.
import numpy as np
import matplotlib.pyplot as plt

from diynn import Linear, MSELoss

np.random.seed(0)

# ----- donnees : y = 3x - 1 + bruit
N = 200
X = np.random.uniform(-2, 2, (N, 1))
Y = 3 * X - 1 + np.random.normal(0, 0.3, (N, 1))

lin = Linear(1, 1)
mse = MSELoss()
eps = 1e-3

couts = []
for it in range(100):
    # passe forward
    yhat = lin.forward(X)
    couts.append(mse.forward(Y, yhat).mean())

    # passe backward
    lin.zero_grad()
    delta = mse.backward(Y, yhat)
    lin.backward_update_gradient(X, delta)
    lin.update_parameters(eps)

    if it % 20 == 0:
        print("iteration", it, "cout", couts[-1])

# ----- comparaison avec la solution exacte des moindres carres
A = np.hstack([X, np.ones((N, 1))])
w = np.linalg.lstsq(A, Y, rcond=None)[0]
exact = np.mean((A @ w - Y) ** 2)
print("cout final", couts[-1], "moindres carres", exact)

plt.figure()
plt.scatter(X, Y, s=5)
grille = np.linspace(-2, 2, 50).reshape(-1, 1)
plt.plot(grille, lin.forward(grille), c="r")
plt.title("Regression lineaire")
plt.savefig("regression.png")
plt.figure()
plt.plot(couts)
plt.savefig("couts.png")

assert np.abs(lin._parameters[0, 0] - 3) < 0.2
assert couts[-1] < exact * 1.01
