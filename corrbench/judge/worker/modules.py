"""What a module shows of itself: parameters, state, moves, modes, training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import library
from .caller import Caller
from .calls import failure
from .library import Array, Words


def inspect_module(request: Words, arrays: list[Array], caller: Caller) -> tuple[Words, list[bytes]]:
    """What a module shows of itself: parameters, state, moves, training."""
    torch = library.torch
    weight, x = (torch.from_numpy(array) for array in arrays[:2])
    size = tuple(weight.shape)
    facts: Words = {}

    def attempt(name: str, look: Callable[[], Words]) -> None:
        try:
            facts[name] = look()
        except BaseException as error:  # whatever it raises is a result
            facts[name] = {"raised": failure(error)}

    def numbers(tensor: Any) -> list[float]:
        return [float(v) for v in tensor.detach().reshape(-1).tolist()]

    def given() -> Words:
        module = caller.target(size, weight.clone())
        names = {name: list(p.shape) for name, p in module.named_parameters()}
        return {"parameters": names, "trainable": [n for n, p in module.named_parameters() if p.requires_grad],
                "state": list(module.state_dict()), "is_module": isinstance(module, torch.nn.Module),
                "weight": numbers(module.weight), "bias": numbers(module.bias)}  # fmt: skip

    def fresh() -> Words:
        one, two = caller.target(size), caller.target(size)
        return {"shape": list(one.weight.shape), "same": bool(torch.equal(one.weight, two.weight)),
                "trainable": [n for n, p in one.named_parameters() if p.requires_grad],
                "low": float(one.weight.min()), "high": float(one.weight.max()), "bias": numbers(one.bias)}  # fmt: skip

    def round_trip() -> Words:
        one, two = caller.target(size, weight.clone()), caller.target(size)
        with torch.no_grad():
            one.bias.fill_(0.25)
        two.load_state_dict(one.state_dict())
        return {"same": bool(torch.equal(one(x), two(x)))}

    def moves() -> Words:
        module = caller.target(size, weight.clone()).to(torch.float64)
        return {"dtype": str(module(x.double()).dtype), "weight": str(module.weight.dtype)}

    def modes() -> Words:
        module = caller.target(size, weight.clone())
        train = module.train()(x)
        return {"same": bool(torch.equal(train, module.eval()(x))), "same again": bool(torch.equal(train, module(x)))}

    def training() -> Words:
        module = caller.target(size)
        x_train, y_train = (torch.from_numpy(array) for array in arrays[2:4])
        optimiser = torch.optim.SGD(module.parameters(), lr=request["rate"])
        loss = torch.tensor(float("nan"))
        for _ in range(request["steps"]):
            optimiser.zero_grad()
            loss = ((module(x_train) - y_train) ** 2).mean()
            loss.backward()
            optimiser.step()
        return {"loss": float(loss), "weight": numbers(module.weight), "bias": numbers(module.bias)}

    torch.manual_seed(request["seed"])
    for look in (given, fresh, round_trip, moves, modes, training):
        attempt(look.__name__, look)
    caller.world.restore()
    return {"facts": facts}, []
