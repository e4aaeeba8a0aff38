# Style : Linear(input=, output=), one-hot a la main, Softmax puis MSE ou entropie croisee de probabilites, maxIter=.
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from diynn import Linear, MSELoss, Optim, Sequentiel, Softmax, TanH
from diynn import CategoricalCrossEntropyLoss as CrossEntropyLoss

np.random.seed(0)

X, y = load_digits(return_X_y=True)
X = X / 16
xtrain, xtest, ytrain, ytest = train_test_split(X, y, test_size=0.3, random_state=0)


def onehot(y, nb_classes):
    res = np.zeros((y.size, nb_classes))
    res[np.arange(y.size), y] = 1
    return res


ytrain_hot = onehot(ytrain, 10)


def predict_classe(net, x):
    return np.argmax(net(x), axis=1)


def score(net, x, y):
    bon = 0
    for yi, pi in zip(y, predict_classe(net, x)):
        if yi == pi:
            bon += 1
    return bon / len(y)


scores = {}
for loss in [MSELoss(), CrossEntropyLoss()]:
    net = Sequentiel([
        Linear(input=64, output=32),
        TanH(),
        Linear(input=32, output=10),
        Softmax(),
    ])
    optim = Optim(net, loss, eps=0.01)
    print("apprentissage...")
    optim.SGD(xtrain, ytrain_hot, 32, maxIter=20)
    scores[loss] = score(net, xtest, ytest)
    print(loss, "accuracy train :", score(net, xtrain, ytrain), "test :", scores[loss])
    print(confusion_matrix(ytest, predict_classe(net, xtest)))

assert min(scores.values()) > 0.9
