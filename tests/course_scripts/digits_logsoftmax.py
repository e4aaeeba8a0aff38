# Style: LogSoftmax with the sheet's CELoss, the function SGD with n_epochs= and verbose=, a history read as a list.
import pickle

import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import diynn
from diynn import SGD, CELoss, Linear, LogSoftmax, ReLU, Sequential

np.random.seed(123)

digits = load_digits()
order = np.random.permutation(len(digits.data))
X, Y = digits.data[order] / 16.0, digits.target[order]
n_train = int(0.8 * len(X))
X_train, Y_train = X[:n_train], Y[:n_train]
X_test, Y_test = X[n_train:], Y[n_train:]

net = Sequential(
    Linear(X.shape[1], 64),
    ReLU(),
    Linear(64, 10),
    LogSoftmax(),
)

h = SGD(net, CELoss(), X_train, Y_train, batch_size=32, n_epochs=20, eps=3e-3, verbose=False)

plt.plot(h)
plt.xlabel("epoch")
plt.ylabel("cost")
plt.savefig("learning_curve.png")
print("first cost %.3f, last cost %.3f, best %.3f" % (h[0], h[-1], min(h)))

acc = diynn.accuracy(Y_test, diynn.predict(net, X_test))
print("test accuracy", acc)

# keep the model for the report
with open("model.pkl", "wb") as f:
    pickle.dump(net, f)
with open("model.pkl", "rb") as f:
    again = pickle.load(f)
assert diynn.accuracy(Y_test, diynn.predict(again, X_test)) == acc

assert len(list(h)) == 20
assert h[-1] < h[0] / 5
assert acc > 0.9
