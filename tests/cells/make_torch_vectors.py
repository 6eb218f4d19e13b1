"""Writes torch_vectors.json: what PyTorch's LSTM and RNN compute in float64, with all gradients.

Run it where PyTorch is installed: `python -m tests.cells.make_torch_vectors`.
"""

import json
import pathlib

PATH = pathlib.Path(__file__).with_name("torch_vectors.json")
N, D, H, T = 2, 3, 2, 3


def main():
    import torch

    torch.manual_seed(2015)
    vectors = {"torch": torch.__version__.split("+")[0]}
    for name, kind in (("lstm", torch.nn.LSTM), ("rnn", torch.nn.RNN)):
        vectors[name] = record(torch, kind(D, H, dtype=torch.float64), name == "lstm")
    PATH.write_text(json.dumps(vectors, indent=0).replace(",\n", ", ").replace("[\n", "[") + "\n")


def record(torch, layer, has_c):
    """Weights, inputs and seeds in round decimals; outputs and gradients in full."""
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_((torch.randn(p.shape, dtype=p.dtype) * 0.6).round(decimals=2))
    x, h0, c0 = (round_draws(torch, *shape) for shape in ((T, N, D), (1, N, H), (1, N, H)))
    hs, end = layer(x, (h0, c0) if has_c else h0)
    outputs = {"hs": hs, "h": end[0] if has_c else end} | ({"c": end[1]} if has_c else {})
    seeds = {k: round_draws(torch, *y.shape).detach() for k, y in outputs.items()}
    sum((y * seeds[k]).sum() for k, y in outputs.items()).backward()
    leaves = {"x": x, "h0": h0} | ({"c0": c0} if has_c else {}) | dict(layer.named_parameters())
    return {
        "leaves": {k: v.tolist() for k, v in leaves.items()},
        "seeds": {k: v.tolist() for k, v in seeds.items()},
        "outputs": {k: v.tolist() for k, v in outputs.items()},
        "grads": {k: v.grad.tolist() for k, v in leaves.items()},
    }


def round_draws(torch, *shape):
    return torch.randn(shape, dtype=torch.float64).round(decimals=2).requires_grad_()


if __name__ == "__main__":
    main()
