# Style : encodeur et decodeur, deux Sequentiel dans un troisieme, BCE, k-means sur les codes, images reconstruites.
import numpy as np
import matplotlib.pyplot as plt
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
import diynn
from diynn import Sequentiel, Linear, TanH, Sigmoide, BCE, Optim

np.random.seed(0)

X, y = load_digits(return_X_y=True)
X = X / X.max()  # entre 0 et 1

encodeur = Sequentiel([Linear(64, 32), TanH(), Linear(32, 10), TanH()])
decodeur = Sequentiel([Linear(10, 32), TanH(), Linear(32, 64), Sigmoide()])
autoencodeur = Sequentiel([encodeur, decodeur])

optim = Optim(autoencodeur, BCE(), eps=1e-3)
historique = optim.SGD(X, X, batch_size=32, epochs=25)

# la BCE minimale n'est pas 0 : c'est l'entropie des pixels
p = np.clip(X, 1e-12, 1 - 1e-12)
entropie = -(p * np.log(p) + (1 - p) * np.log(1 - p)).sum(axis=1).mean()
print("BCE :", historique[0], "->", historique[-1], "  entropie :", entropie)

# images reconstruites
recons = diynn.predict(autoencodeur, X[:8])
fig, axes = plt.subplots(2, 8, figsize=(8, 2))
for i in range(8):
    axes[0, i].imshow(X[i].reshape(8, 8), cmap="gray")
    axes[1, i].imshow(recons[i].reshape(8, 8), cmap="gray")
    axes[0, i].axis("off")
    axes[1, i].axis("off")
plt.savefig("reconstructions.png")

# clustering dans l'espace latent
codes = np.array(diynn.predict(encodeur, X))
clusters = KMeans(n_clusters=10, n_init=2, random_state=0).fit_predict(codes)
purete = sum(np.bincount(y[clusters == k]).max() for k in range(10)) / len(y)
print("purete des clusters :", purete)

assert codes.shape == (len(X), 10)
assert historique[-1] - entropie < 0.5 * (historique[0] - entropie)
assert purete > 0.55
