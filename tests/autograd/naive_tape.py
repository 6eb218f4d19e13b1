"""Reverse mode as naively as possible: a second opinion on graphs of every shape."""

import numpy as np


class Var:
    """A value, and for each parent the function that turns this gradient into the parent's."""

    def __init__(self, value, sends=()):
        self.value, self.sends, self.grad = np.asarray(value, float), sends, 0.0

    def __add__(self, other):
        return Var(self.value + other.value, [(self, lambda g: g), (other, lambda g: g)])

    def __sub__(self, other):
        return Var(self.value - other.value, [(self, lambda g: g), (other, lambda g: -g)])

    def __mul__(self, other):
        a, b = self.value, other.value
        return Var(a * b, [(self, lambda g: g * b), (other, lambda g: g * a)])

    def tanh(self):
        y = np.tanh(self.value)
        return Var(y, [(self, lambda g: g * (1 - y**2))])

    def sigmoid(self):
        y = 1 / (1 + np.exp(-self.value))
        return Var(y, [(self, lambda g: g * y * (1 - y))])

    def matmul(self, other):
        a, b = self.value, other.value
        return Var(a @ b, [(self, lambda g: g @ b.T), (other, lambda g: a.T @ g)])

    def total(self):
        shape = self.value.shape
        return Var(self.value.sum(), [(self, lambda g: np.full(shape, g))])

    def scaled(self, factor):
        return Var(self.value * factor, [(self, lambda g: g * factor)])

    def columns(self, start, stop):
        shape = self.value.shape

        def spread(g):
            field = np.zeros(shape)
            field[:, start:stop] = g
            return field

        return Var(self.value[:, start:stop], [(self, spread)])

    def beside(self, other):
        n = self.value.shape[1]
        both = np.concatenate([self.value, other.value], 1)
        return Var(both, [(self, lambda g: g[:, :n]), (other, lambda g: g[:, n:])])

    def push(self, g):
        """Add g here and everything it causes below: exponential time, and obviously right."""
        self.grad = self.grad + g
        for parent, send in self.sends:
            parent.push(send(g))
