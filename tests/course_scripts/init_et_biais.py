# Style : Linear(input_dim=, output_dim=, init="xavier", biais=False), comparaison des initialisations ; add.
import numpy as np
from sklearn.datasets import make_circles
from diynn import Sequentiel, Linear, TanH, Sigmoid, BCELoss, Optim

X, y = make_circles(400, noise=0.08, factor=0.5, random_state=0)
y = y.reshape(-1, 1)


def construire(init, biais):
    np.random.seed(10)
    net = Sequentiel()
    net.add(Linear(input_dim=2, output_dim=16, init=init, biais=biais))
    net.add(TanH())
    net.add(Linear(input_dim=16, output_dim=1, init=init, biais=biais))
    net.add(Sigmoid())
    return net


derniers = {}
for init in ["xavier", "he", "uniform", "normal", "zeros"]:
    for biais in [True, False]:
        optim = Optim(construire(init, biais), BCELoss(), eps=0.003)
        couts = []
        for it in range(400):
            couts.append(float(optim.step(X, y).mean()))
        derniers[init, biais] = couts[-1]
        print(f"{init:10s} biais={biais!s:5} cout {couts[0]:.3f} -> {couts[-1]:.3f}")

# avec des poids nuls les neurones restent tous pareils
assert derniers["zeros", True] > 0.6
# sans biais le reseau est impair, il ne peut pas entourer un cercle
assert derniers["xavier", False] > 0.6
assert derniers["xavier", True] < 0.3
assert derniers["he", True] < 0.3
