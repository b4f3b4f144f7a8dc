"""The losses of the problems, an example at a time and in float64."""

import itertools
import math

import numpy as np

from experiments.suite.problems import images, pendulum, streams, two_classes


def dense(layers, inputs, activation=lambda x: np.maximum(x, 0.0)):
    vector = np.asarray(inputs, float)
    for place, layer in enumerate(layers):
        vector = vector @ layer["kernel"].astype(float) + layer["bias"]
        if place < len(layers) - 1:
            vector = activation(vector)
    return vector


def softmax(scores):
    shares = np.exp(np.asarray(scores, float) - np.max(scores))
    return shares / shares.sum()


def residual(params, batch):
    def convolve(image, layer):
        side = image.shape[0]
        found = np.zeros((side, side, len(layer["bias"])))
        for row in range(side):
            for column in range(side):
                for down in (-1, 0, 1):
                    for right in (-1, 0, 1):
                        if 0 <= row + down < side and 0 <= column + right < side:
                            seen = image[row + down, column + right]
                            found[row, column] += seen @ layer["kernel"][down + 1, right + 1]
                found[row, column] += layer["bias"]
        return found

    def normalised(image, layer):
        deviation = np.sqrt(image.var(-1, keepdims=True) + 1e-5)
        return (image - image.mean(-1, keepdims=True)) / deviation * layer["gain"] + layer["offset"]

    losses = []
    for pixels, label in zip(*batch, strict=True):
        image = convolve(pixels.astype(float).reshape(8, 8, 1), params["stem"])
        image = image.reshape(4, 2, 4, 2, -1).max((1, 3))
        for block in params["blocks"]:
            before = np.maximum(normalised(image, block["normalisation"]), 0.0)
            image = image + convolve(before, block["convolution"])
        image = np.maximum(normalised(image, params["normalisation"]), 0.0)
        losses.append(-math.log(softmax(dense(params["out"], image.mean((0, 1))))[label]))
    return np.mean(losses)


def variational_autoencoder(params, batch):
    losses = []
    for image, noise in zip(*batch, strict=True):
        mean, log_deviation = np.split(dense(params["encoder"], image, np.tanh), 2)
        decoded = dense(params["decoder"], mean + np.exp(log_deviation) * noise, np.tanh)
        loss = np.sum((image - decoded) ** 2) / (2 * images.PIXEL_DEVIATION**2)
        for m, s in zip(mean, np.exp(log_deviation), strict=True):
            loss += (m**2 + s**2 - 1) / 2 - math.log(s)
        losses.append(loss)
    return np.mean(losses)


def pairs(params, batch):
    first, second = ([dense(params, image) for image in half] for half in batch)
    losses = []
    for place, one in enumerate(first):
        cosines = [one @ other / np.linalg.norm(one) / np.linalg.norm(other) for other in second]
        losses.append(-math.log(softmax(np.array(cosines) / images.TEMPERATURE)[place]))
    return np.mean(losses)


def odd_digits(params, batch):
    losses = [
        max(0.0, 1.0 - sign * dense(params, inputs)[0]) for inputs, sign in zip(*batch, strict=True)
    ]
    return np.mean(losses) + 0.5 * two_classes.PENALTY * np.sum(params[0]["kernel"] ** 2)


def rare_class(params, batch):
    losses = [
        -math.log(softmax(dense(params, inputs))[label])
        for inputs, label in zip(*batch, strict=True)
    ]
    return np.mean(losses)


def counts(params, batch):
    losses = []
    for inputs, found in zip(*batch, strict=True):
        log_mean = dense(params, inputs)[0]
        surprise = found * (math.log(found) - log_mean) if found else 0.0
        losses.append(surprise - (found - math.exp(log_mean)))
    return np.mean(losses)


def posterior(params, batch, noise=0.2, examples=100):
    features, answers, sample = batch
    deviations = np.exp(params["log_deviation"].astype(float))
    weights = params["mean"] + deviations * sample
    squares = [(y - x @ weights) ** 2 for x, y in zip(features, answers, strict=True)]
    loss = math.log(noise) + np.mean(squares) / (2 * noise**2)
    for mean, deviation in zip(params["mean"], deviations, strict=True):
        loss += ((mean**2 + deviation**2 - 1) / 2 - math.log(deviation)) / examples
    return loss


def corners(params, batch):
    return np.mean([abs(dense(params, x)[0] - y) for x, y in zip(*batch, strict=True)])


def waves(params, batch):
    def sine(inputs):
        return np.sin(streams.SINE_FREQUENCY * inputs)

    squares = [(dense(params, [x], sine)[0] - y) ** 2 for x, y in zip(*batch, strict=True)]
    return np.mean(squares) / 2


def recall(params, batch):
    losses = []
    for query, keys, values, answer in zip(*batch[0], batch[1], strict=True):
        scores = [(query @ params["query"]) @ (key @ params["key"]) for key in keys]
        found = params["value"][0] * sum(softmax(scores) * values)
        losses.append((found - answer) ** 2 / 2)
    return np.mean(losses)


def sums(params, batch):
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    kernel, bias = params["gates"]["kernel"].astype(float), params["gates"]["bias"]
    losses = []
    for sequence, answer in zip(*batch, strict=True):
        memory = state = np.zeros(len(bias) // 4)
        for seen in sequence:
            enter, forget, leave, new = np.split(np.append(seen, state) @ kernel + bias, 4)
            memory = sigmoid(forget) * memory + sigmoid(enter) * np.tanh(new)
            state = sigmoid(leave) * np.tanh(memory)
        losses.append((dense(params["out"], state)[0] - answer) ** 2 / 2)
    return np.mean(losses)


def words(params, batch):
    losses = []
    for seen, following in zip(*batch, strict=True):
        expected = sum(
            params["seen"][word].astype(float) @ mixing
            for word, mixing in zip(seen, params["mixing"], strict=True)
        )
        losses.append(-math.log(softmax(expected @ params["next"] + params["bias"])[following]))
    return np.mean(losses)


def pendulum_by_differences(params, batch, h=1e-3):
    def angle(time):
        return dense(params, [2 * time / pendulum.DURATION - 1], np.tanh)[0]

    def speed(time):
        return (angle(time + h) - angle(time - h)) / (2 * h)

    times, pushes, start = batch
    losses = []
    for time, push in zip(times.astype(float), pushes, strict=True):
        acceleration = (angle(time + h) - 2 * angle(time) + angle(time - h)) / h**2
        forces = acceleration + pendulum.FRICTION * speed(time) + math.sin(angle(time))
        losses.append((forces - push) ** 2 / 2)
    return np.mean(losses) + (angle(0.0) - start) ** 2 / 2 + speed(0.0) ** 2 / 2


def valley(params, batch, steepness=10.0):
    push, altered = batch
    position = params["position"].astype(float)
    x = -position if altered else position
    loss = np.sum(push * position)
    for chain in x:
        for left, right in itertools.pairwise(chain):
            loss += (steepness * (right - left**2) ** 2 + (1 - left) ** 2) / 2
    return loss


LOSSES = {
    "digits_residual": residual,
    "digits_variational": variational_autoencoder,
    "digits_pairs": pairs,
    "odd_digits": odd_digits,
    "counts": counts,
    "rare_class": rare_class,
    "corners": corners,
    "valley": valley,
    "posterior": posterior,
    "waves": waves,
    "recall": recall,
    "pendulum": pendulum_by_differences,
    "sums": sums,
    "words": words,
}
