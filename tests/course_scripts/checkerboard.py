# Style: "import diynn as nn", a Sequential of arguments, and training by the method optim.SGD(X, y, batch, epochs).
import numpy as np
import matplotlib.pyplot as plt
import diynn as nn

np.random.seed(0)


def checkerboard(n, cells=3):
    X = np.random.uniform(-1, 1, (n, 2))
    squares = np.floor((X + 1) / 2 * cells)
    return X, (squares.sum(axis=1) % 2).reshape(-1, 1)


X_train, y_train = checkerboard(1000)
X_test, y_test = checkerboard(500)

model = nn.Sequential(
    nn.Linear(2, 40),
    nn.Tanh(),
    nn.Linear(40, 20),
    nn.Tanh(),
    nn.Linear(20, 1),
    nn.Sigmoid(),
)
optim = nn.Optim(model, nn.BCELoss(), 0.02)
optim.SGD(X_train, y_train, 20, 120)

y_pred = nn.predict(model, X_test)
acc = sum((y_pred > 0.5) == (y_test == 1))[0] / len(y_test)
print("test accuracy:", float(acc))

# decision boundary
xx, yy = np.meshgrid(np.linspace(-1, 1, 60), np.linspace(-1, 1, 60))
zz = nn.predict(model, np.column_stack([xx.ravel(), yy.ravel()])).reshape(xx.shape)
plt.contourf(xx, yy, zz, alpha=0.5)
plt.scatter(X_test[:, 0], X_test[:, 1], c=y_test.ravel(), s=6)
plt.colorbar()
plt.savefig("boundary.png")

assert acc > 0.85
