# Style : Linear(input=, output=), one-hot a la main, Softmax avec MSE comme sur l'enonce, optim.SGD(..., maxIter=).
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from diynn import Linear, MSELoss, Optim, Sequentiel, Softmax, TanH

np.random.seed(0)

X, y = load_digits(return_X_y=True)
X = X / 16
xtrain, xtest, ytrain, ytest = train_test_split(X, y, test_size=0.3, random_state=0)


def onehot(y, nb_classes):
    res = np.zeros((y.size, nb_classes))
    res[np.arange(y.size), y] = 1
    return res


ytrain_hot = onehot(ytrain, 10)

net = Sequentiel([
    Linear(input=64, output=32),
    TanH(),
    Linear(input=32, output=10),
    Softmax(),
])
optim = Optim(net, MSELoss(), eps=0.02)
print("apprentissage...")
optim.SGD(xtrain, ytrain_hot, 32, maxIter=30)


def predict_classe(x):
    return np.argmax(net(x), axis=1)


def score(x, y):
    bon = 0
    for yi, pi in zip(y, predict_classe(x)):
        if yi == pi:
            bon += 1
    return bon / len(y)


print("accuracy train :", score(xtrain, ytrain))
print("accuracy test :", score(xtest, ytest))
print(confusion_matrix(ytest, predict_classe(xtest)))

assert score(xtest, ytest) > 0.92
