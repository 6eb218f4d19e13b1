"""Where hand-written odd networks get their inputs and parameters, and where they are listed."""

import tinygrad_lstm as tl
from tests.plan.feeding import Inputs
from tests.plan.programs import Bank
from tests.plan.recurrent import Recurrent

N, D, H, T = 3, 4, 5, 4
ODD = {}


def odd(make):
    """Enter a function (place) -> outputs into ODD."""
    ODD[make.__name__] = make
    return make


def odd_case(name, rows=N):
    """The named network, all leaves asked about."""
    place = Place(rows)
    with tl.default_dtype("float64"):
        return place.case(ODD[name](place))


class Place(Inputs):
    """Inputs with random numbers, and parameters that are shared by name."""

    def __init__(self, rows=N):
        super().__init__(Recurrent((), rows=rows))
        self.bank = Bank()

    def xs(self, name="x", steps=T, width=D):
        """x_1 ... x_T."""
        return [self.input(f"{name}_{t}", "N", width) for t in range(1, steps + 1)]

    def state(self, name="h0"):
        """The state before the first step."""
        return self.input(name, "N", H)

    def weights(self, name, *shape):
        """The parameter of this name and shape."""
        return self.bank.parameter(name, *shape)

    def layer(self, x, width, name, bias=True):
        """A layer whose parameters are known by its name."""
        W = self.weights(f"W{name}", width, x.shape[-1])
        return (
            tl.Affine()(x, W, self.weights(f"b{name}", width)) if bias else tl.Affine(False)(x, W)
        )

    def pre(self, x, h, name, width=H):
        """What goes into the nonlinearity of a step."""
        return self.layer(x, width, f"x{name}") + self.layer(h, width, f"h{name}", False)
