# Style : "mon sixieme". Conv1D, MaxPool1D, Flatten sur des images lues comme une suite de 256 pixels, CELogSoftmax.
import numpy as np
from sklearn.datasets import load_digits
from diynn import Conv1D, MaxPool1D, Flatten, Linear, ReLU, Sequentiel, CELogSoftmax, Optim

np.random.seed(0)

images, labels = load_digits(return_X_y=True)
# comme USPS : 16 x 16 pixels, donc 256, et un seul canal
images = images.reshape(-1, 8, 8).repeat(2, axis=1).repeat(2, axis=2) / 16
X = images.reshape(-1, 256, 1)
ordre = np.random.permutation(len(X))
X, labels = X[ordre], labels[ordre]
Xtrain, ytrain = X[:1200], labels[:1200]
Xtest, ytest = X[1200:], labels[1200:]

net = Sequentiel(
    Conv1D(k_size=3, chan_in=1, chan_out=16, stride=1),
    MaxPool1D(2, 2),
    Flatten(),
    Linear(2032, 64),
    ReLU(),
    Linear(64, 10),
)
optim = Optim(net, CELogSoftmax(), 2e-3)

for epoch in range(8):
    couts = []
    for i in range(0, len(Xtrain), 30):
        couts.extend(optim.step(Xtrain[i:i + 30], ytrain[i:i + 30]))
    print("epoch", epoch, "cout moyen", sum(couts) / len(couts))

pred = []
for i in range(0, len(Xtest), 100):
    for sortie in net.forward(Xtest[i:i + 100]):
        pred.append(int(sortie.argmax()))
accuracy = np.mean(np.array(pred) == ytest)
print("accuracy test :", accuracy)

assert sum(couts) / len(couts) < 0.5
assert accuracy > 0.85
