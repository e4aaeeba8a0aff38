# Style: add_module, CrossEntropyLoss on the logits, a training loop of one's own over optim.step, optim.eps lowered.
import numpy as np
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from diynn import *

np.random.seed(0)

X, y = load_digits(return_X_y=True)
X = (X - X.mean()) / X.std()
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)

net = Sequential()
net.add_module(Linear(64, 50))
net.add_module(Tanh())
net.add_module(Linear(50, 10))

optim = Optim(net, CrossEntropyLoss(), eps=0.005)

batch_size = 50
train_losses, test_errors = [], []
for epoch in range(20):
    idx = np.random.permutation(len(X_train))
    total = 0
    for i in range(0, len(X_train), batch_size):
        batch = idx[i:i + batch_size]
        total += optim.step(X_train[batch], y_train[batch]).sum()
    train_losses.append(float(total) / len(X_train))
    errors = len(y_test) - sum(predict(net, X_test).argmax(axis=1) == y_test)
    test_errors.append(int(errors))
    if epoch % 5 == 4:
        optim.eps = optim.eps * 0.5
        print(f"epoch {epoch + 1}: loss {total / len(X_train):.4f}, {errors} errors, eps is now {optim.eps}")

plt.subplot(1, 2, 1)
plt.plot(train_losses, label="train loss")
plt.legend()
plt.subplot(1, 2, 2)
plt.plot(test_errors, label="errors on test")
plt.legend()
plt.show()

assert abs(optim.eps - 0.005 / 16) < 1e-9
assert train_losses[-1] < 0.15
assert test_errors[-1] / len(y_test) < 0.08
