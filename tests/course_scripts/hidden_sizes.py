# Style: an experiment over the number of hidden units, nb_epochs=, a table of results, the mean of several runs.
import numpy as np
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
import diynn as nn

SIZES = [2, 6, 32]
RUNS = 2

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.25, stratify=y, random_state=1)


def train(hidden, seed):
    np.random.seed(seed)
    net = nn.Sequential(nn.Linear(64, hidden), nn.Tanh(), nn.Linear(hidden, 10))
    hist = nn.SGD(net, nn.CrossEntropyLoss(), X_train, y_train, batch_size=32, nb_epochs=10, eps=0.005,
                  validation=(X_test, y_test), metrics={"acc": nn.accuracy}, progress=False)
    return hist


results = {}
for hidden in SIZES:
    results[hidden] = [train(hidden, seed)["validation_acc"] for seed in range(RUNS)]
    last = [run[-1] for run in results[hidden]]
    print(f"{hidden:4d} hidden units: {np.mean(last):.3f} +- {np.std(last):.3f}")
    plt.plot(np.mean(results[hidden], axis=0), label=str(hidden))
plt.legend()
plt.ylabel("accuracy on the test set")
plt.savefig("sizes.png")

final = {hidden: np.mean([run[-1] for run in results[hidden]]) for hidden in SIZES}
assert train(6, 0)["validation_acc"] == results[6][0]  # the same seed, the same run
assert final[2] < final[6] < final[32]
assert final[32] > 0.9
