"""ncnn: a network of one convolution from its two files, image by image."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from corrbench.target import Declared
from corrbench.targets._arguments import pair, sides


def _convolution(about: str, accuracy: str) -> Declared:
    return Declared(form="conv2d", arrays="numpy", accuracy=accuracy, needs="ncnn", dtypes="float32",
                    about=f"a network of one convolution, Winograd {about}")  # fmt: skip


DECLARED = {"ncnn": _convolution("on, as it is by default", "winograd"), "direct": _convolution("off", "direct")}
LAYERS = (  # ncnn's own format; its parameters have numbers for names
    "7767517\n2 2\nInput in 0 1 in\n{kind} conv 1 1 in out 0={o} 1={kw} 11={kh} 2={dw} 12={dh} 3={sw} 13={sh} "
    "4={left} 15={right} 14={top} 16={bottom} 5={bias} 6={size}{groups}\n"
)


def ncnn(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """As a user runs it."""
    return extract(input, weight, bias, (stride, padding, dilation, groups), True)


def direct(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """Without Winograd's algorithm."""
    return extract(input, weight, bias, (stride, padding, dilation, groups), False)


def extract(input: Any, weight: Any, bias: Any, arguments: tuple[Any, Any, Any, int], winograd: bool) -> Any:
    """The results of all images of a batch. A `Mat` keeps no reference to an array, so it is given a copy."""
    import numpy as np
    from ncnn import Mat

    if not len(input):
        raise NotImplementedError("an empty batch: it takes one image at a time")
    values = weight.tobytes() if bias is None else weight.tobytes() + bias.tobytes()
    net, results = network(weight.shape, values, bias is not None, arguments, winograd), []
    for image in input:
        extractor = net.create_extractor()
        plain = np.ascontiguousarray(image)  # which must live until it is copied
        extractor.input("in", Mat(plain).clone())
        status, found = extractor.extract("out")
        if status:
            raise RuntimeError(f"ncnn: extract returned {status}")
        results.append(np.array(found))
    return np.stack(results)


@lru_cache(maxsize=4)
def network(
    shape: tuple[int, ...], values: bytes, bias: bool, arguments: tuple[Any, Any, Any, int], winograd: bool
) -> Any:
    """A network on one thread, read once for the same weights and arguments."""
    from ncnn import Net

    (stride, padding, dilation, groups), (o, cg, kh, kw) = arguments, shape
    (sh, sw), (dh, dw) = pair(stride), pair(dilation)
    top, bottom, left, right = sides(padding, (kh, kw), (dh, dw))
    layers = LAYERS.format(
        kind="Convolution" if groups == 1 else "ConvolutionDepthWise", groups="" if groups == 1 else f" 7={groups}",
        o=o, kh=kh, kw=kw, dh=dh, dw=dw, sh=sh, sw=sw, left=left, right=right, top=top, bottom=bottom,
        bias=int(bias), size=o * cg * kh * kw,
    )  # fmt: skip
    net = Net()
    net.opt.num_threads = 1
    net.opt.use_winograd_convolution = winograd
    with TemporaryDirectory() as folder:
        stored = Path(folder, "bin")
        stored.write_bytes(bytes(4) + values)  # four zeros say that float32 follows
        if net.load_param_mem(layers) or net.load_model(str(stored)):
            raise RuntimeError("ncnn: the network could not be read")
    return net
