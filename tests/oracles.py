"""Derivatives that know nothing of ours: complex step, and central differences that see kinks."""

import numpy as np

H = 1e-30  # the error of a complex step is of order H**2, and nothing is subtracted


class KinkError(Exception):
    """The function has a corner here, where a difference quotient says nothing."""


def numeric_vjp(f, inputs, seeds, wrt, analytic=True):
    """For every k in wrt the gradient of <seeds, f(inputs)> in inputs[k].

    Args:
        f: takes the inputs, returns a tuple of arrays.
        seeds: one array for each output, or None.
        analytic: whether f may be fed complex numbers; else differences are taken.
    """
    partial = _complex_step if analytic else _central_difference
    return [_gradient(f, inputs, seeds, k, partial) for k in wrt]


def _gradient(f, inputs, seeds, k, partial):
    x = np.asarray(inputs[k])
    grad = np.zeros(x.shape)
    for place in np.ndindex(x.shape):

        def moved(step, place=place):
            there = x.astype(np.result_type(x, type(step)))
            there[place] += step
            outputs = f(*inputs[:k], there, *inputs[k + 1 :])
            return sum(np.sum(s * y) for s, y in zip(seeds, outputs, strict=True) if s is not None)

        grad[place] = partial(moved)
    return grad


def _complex_step(moved):
    return np.imag(moved(1j * H)) / H


def _central_difference(moved, eps=1e-3):
    coarse = (moved(eps) - moved(-eps)) / (2 * eps)
    fine = (moved(eps / 2) - moved(-eps / 2)) / eps
    if abs(coarse - fine) > 1e-4 * max(1.0, abs(fine)):
        raise KinkError(f"slopes {coarse} and {fine} at steps {eps} and {eps / 2}")
    return (4 * fine - coarse) / 3  # Richardson: the error of order eps**2 cancels


def contributions(op, g, y, *inputs):
    """What op.vjp sends to each input, with those computed that wait to be called."""
    return [sent() if callable(sent) else sent for sent in op.vjp(g, y, *inputs)]


def assert_close(actual, expected, tolerance=1e-12):
    """Equal up to `tolerance`, measured against the largest expected entry (at least 1)."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    if actual.size:
        worst = np.max(np.abs(actual - expected)) / max(1.0, np.max(np.abs(expected)))
        assert worst <= tolerance, f"off by {worst:.3g}\n{actual}\n{expected}"


def tolerance(analytic):
    return 1e-12 if analytic else 1e-9
