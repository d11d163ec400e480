"""Is the reference right: in values, dtypes, derivatives and messages, and wherever the article was wrong?"""

import copy
import math
from types import SimpleNamespace

import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from corrbench import reference
from corrbench.reference import Conv2D, conv2d, corr2d
from tests.support import article_as_published as article
from tests.support.devices import DEVICES

INTEGERS = (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64)


def integers(*shape, radius=9, dtype=torch.float64, seed=0):
    """Integer-valued data: every sum is exact, so results are compared bit by bit."""
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randint(-radius, radius + 1, shape, generator=generator).to(dtype)


def normal(*shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)), dtype=dtype)


def same(got, expected):
    torch.testing.assert_close(got, expected, rtol=0, atol=0)


def by_torch(x, w, b=None, stride=1, sides=(0, 0, 0, 0), dilation=1, groups=1):
    top, bottom, left, right = sides
    return F.conv2d(F.pad(x, (left, right, top, bottom)), w, b, stride, 0, dilation, groups)


# --- The article's bugs: each property holds for the reference and fails for the code as published.


def it_answers(code):
    code.corr2d(torch.rand(5, 5), torch.rand(3, 3))


def it_fills_wide_outputs(code):
    X, K = integers(4, 9, dtype=torch.float32), integers(2, 3, dtype=torch.float32)
    same(code.corr2d(X, K), torch.tensor(scipy.signal.correlate2d(X, K, mode="valid")))


def it_fills_tall_outputs(code):
    X, K = integers(9, 4, dtype=torch.float32), integers(2, 3, dtype=torch.float32)
    same(code.corr2d(X, K), torch.tensor(scipy.signal.correlate2d(X, K, mode="valid")))


def it_keeps_the_dtype(code):
    for dtype in (torch.float64, torch.int64, torch.float16, torch.complex64):
        assert code.corr2d(torch.ones(3, 3, dtype=dtype), torch.ones(2, 2, dtype=dtype)).dtype == dtype


def it_keeps_the_device(code):  # "meta" stands in for a GPU where there is none
    X, K = torch.empty(3, 3, device="meta"), torch.empty(2, 2, device="meta")
    assert code.corr2d(X, K).device.type == "meta"


def it_trains_a_given_weight(code):
    layer = code.Conv2D((2, 2), weight=torch.zeros(2, 2))
    assert {name for name, _ in layer.named_parameters()} == {"weight", "bias"}
    (1 - layer(torch.ones(3, 3))).square().sum().backward()
    torch.optim.SGD(layer.parameters(), lr=0.01).step()
    assert (layer.weight != 0).all()


LINE_LOST = SimpleNamespace(corr2d=article.corr2d_line_lost)
PROPERTIES = [
    (it_answers, LINE_LOST, NameError),
    (it_fills_wide_outputs, article, AssertionError),
    (it_fills_tall_outputs, article, (RuntimeError, IndexError)),
    (it_keeps_the_dtype, article, AssertionError),
    (it_keeps_the_device, article, (AssertionError, RuntimeError, NotImplementedError)),
    (it_trains_a_given_weight, article, AssertionError),
]


@pytest.mark.parametrize(("holds", "published", "failure"), PROPERTIES)
def test_bugs_of_the_article_are_absent_here_and_present_there(holds, published, failure):
    holds(reference)
    with pytest.raises(failure):
        holds(published)


def test_demo_of_the_article_hides_its_bugs():
    X, K = integers(5, 5, dtype=torch.float32), integers(3, 3, dtype=torch.float32)
    same(Conv2D((3, 3), K)(X), article.Conv2D((3, 3), K)(X))
    assert Conv2D((3, 3))(X).shape == (3, 3)


def test_article_text_and_time_series_are_one_row_images():
    series = torch.tensor([[1.0, 2.0, 4.0, 8.0]])
    same(corr2d(series, torch.tensor([[-1.0, 1.0]])), torch.tensor([[1.0, 2.0, 4.0]]))


# --- Values.


@pytest.mark.parametrize(("image", "kernel"), [((5, 5), (3, 3)), ((7, 4), (2, 3)), ((1, 9), (1, 4)), ((6, 1), (6, 1))])
def test_corr2d_agrees_with_scipy_and_does_not_flip(image, kernel):
    X, K = integers(*image), integers(*kernel)
    same(corr2d(X, K), torch.tensor(scipy.signal.correlate2d(X, K, mode="valid")))
    same(corr2d(X, K.flip(0, 1)), torch.tensor(scipy.signal.convolve2d(X, K, mode="valid")))
    X, K = normal(*image), normal(*kernel)
    torch.testing.assert_close(corr2d(X, K), torch.tensor(scipy.signal.correlate2d(X, K, mode="valid")))


@st.composite
def problems(draw):
    """Arguments of conv2d whose kernel fits into the padded input."""
    pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
    groups, kernel, stride, dilation = draw(st.integers(1, 3)), draw(pairs), draw(pairs), draw(pairs)
    sides = draw(st.tuples(*[st.integers(0, 3)] * 4))
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    size = [
        max(1, span - sum(pads)) + draw(st.integers(0, 4))
        for span, pads in zip(spans, (sides[:2], sides[2:]), strict=True)
    ]
    per_group, outputs = draw(st.integers(1, 3)), groups * draw(st.integers(1, 2))
    x = integers(draw(st.integers(0, 2)), groups * per_group, *size)
    w, b = integers(outputs, per_group, *kernel), integers(outputs) if draw(st.booleans()) else None
    return x, w, b, stride, sides, dilation, groups


@settings(deadline=None, max_examples=150)
@given(problems(), st.sampled_from([1, 40, 1 << 17]))
def test_conv2d_agrees_with_torch_bit_by_bit_on_integers(problem, strip):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "_CPU_STRIP", strip)
        same(conv2d(*problem), by_torch(*problem))


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_conv2d_agrees_with_torch_on_real_data(groups):
    x, w, b = normal(2, 4, 9, 8), normal(8, 4 // groups, 3, 2), normal(8)
    got = conv2d(x, w, b, (2, 1), (1, 2), (1, 2), groups)
    torch.testing.assert_close(got, F.conv2d(x, w, b, (2, 1), (1, 2), (1, 2), groups))


@pytest.mark.parametrize("kernel", [(1, 1), (3, 5), (2, 4), (4, 1)])
@pytest.mark.parametrize("dilation", [1, (1, 3), (2, 1)])
@pytest.mark.parametrize("mode", ["valid", "same"])
@pytest.mark.filterwarnings("ignore:Using padding='same'")  # what torch says of even kernels
def test_padding_words_mean_what_they_mean_in_torch(kernel, dilation, mode):
    x, w = integers(2, 1, 9, 14), integers(3, 1, *kernel)
    same(conv2d(x, w, padding=mode, dilation=dilation), F.conv2d(x, w, padding=mode, dilation=dilation))


def test_padding_of_one_two_and_four_numbers():
    x, w = integers(1, 1, 5, 6), integers(1, 1, 2, 3)
    same(conv2d(x, w, padding=2), by_torch(x, w, sides=(2, 2, 2, 2)))
    same(conv2d(x, w, padding=(1, 2)), by_torch(x, w, sides=(1, 1, 2, 2)))
    same(conv2d(x, w, padding=[1, 2, 3, 0]), by_torch(x, w, sides=(1, 2, 3, 0)))


def test_one_image_without_a_batch_axis():
    x, w = integers(2, 5, 6), integers(3, 2, 2, 3)
    same(conv2d(x, w), conv2d(x[None], w)[0])


def test_images_larger_than_one_strip():
    X, K = integers(700, 401), integers(5, 4)
    assert X.numel() > reference._CPU_STRIP
    same(corr2d(X, K), by_torch(X[None, None], K[None, None])[0, 0])


def test_views_are_read_where_they_lie():
    X, K = integers(12, 20)[::2].T[3:17:2], integers(3, 8)[:, ::4]
    same(corr2d(X, K), corr2d(X.contiguous(), K.contiguous()))
    x, w = integers(1, 1, 6, 7).expand(2, 4, 6, 7), integers(3, 2, 2, 4).transpose(0, 3)
    same(conv2d(x, w, groups=2), F.conv2d(x.contiguous(), w.contiguous(), groups=2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int32])
def test_result_is_new_and_operands_are_left_alone(dtype):
    x, w = integers(1, 1, 4, 5, dtype=dtype), torch.ones(1, 1, 1, 1, dtype=dtype)
    before = x.clone()
    for y in (conv2d(x, w), corr2d(x[0, 0], w[0, 0])):
        y.add_(1)
        same(x, before)
    same(w, torch.ones(1, 1, 1, 1, dtype=dtype))


# --- Dtypes.


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_wrap(dtype):
    x, w = integers(2, 4, 6, 7, radius=100, dtype=dtype), integers(6, 2, 3, 2, radius=100, dtype=dtype)
    b = integers(6, radius=100, dtype=dtype)
    exact = F.conv2d(x.double(), w.double(), b.double(), padding=1, groups=2)
    same(conv2d(x, w, b, padding=1, groups=2), exact.to(torch.int64).to(dtype))
    same(corr2d(x[0, 0], w[0, 0]), F.conv2d(x[:1, :1].double(), w[:1, :1].double())[0, 0].to(torch.int64).to(dtype))


def test_int64_keeps_what_float64_cannot():
    X = torch.full((1, 2), 2**60 + 1)
    same(corr2d(X, torch.ones(1, 2, dtype=torch.int64)), torch.tensor([[2**61 + 2]]))


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_complex_kernels_are_not_conjugated(dtype, groups):
    x = torch.complex(integers(2, 4, 6, 7), integers(2, 4, 6, 7, seed=1)).to(dtype)
    w = torch.complex(*(integers(8, 4 // groups, 3, 2, seed=seed) for seed in (0, 1))).to(dtype)
    real = by_torch(x.real, w.real, groups=groups) - by_torch(x.imag, w.imag, groups=groups)
    imag = by_torch(x.real, w.imag, groups=groups) + by_torch(x.imag, w.real, groups=groups)
    same(conv2d(x, w, groups=groups), torch.complex(real, imag))
    if groups == 4:
        same(corr2d(x[0, 0], w[0, 0]), torch.complex(real, imag)[0, 0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("channels", [1, 3])
def test_narrow_floats_are_summed_in_float32_and_rounded_once(dtype, channels):
    x, w = normal(1, channels, 40, 40).to(dtype), normal(2, channels, 31, 33).to(dtype)
    b = normal(2).to(dtype)
    exact = F.conv2d(x.double(), w.double(), b.double())
    size = F.conv2d(x.double().abs(), w.double().abs(), b.double().abs())
    terms = math.prod(w.shape[1:]) + 1
    half_ulp = torch.finfo(dtype).eps / 2
    allowed = (terms * 2**-24 * size + half_ulp * exact.abs()) * (1 + half_ulp)
    assert ((conv2d(x, w, b).double() - exact).abs() <= allowed).all()


@pytest.mark.parametrize("channels", [1, 2])
def test_bias_joins_before_the_only_rounding(channels):
    x = torch.zeros(1, channels, 1, 2)
    x[0, 0, 0] = torch.tensor([2048.0, 1.0])  # 2049 is no float16, 2050 is
    w, b = torch.ones(1, channels, 1, 2), torch.ones(1)
    assert conv2d(x.half(), w.half(), b.half()).item() == 2050


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [*INTEGERS, torch.float64, torch.bfloat16])
def test_a_device_gives_what_the_cpu_gives(dtype, device):
    x, w, b = (integers(*shape, radius=2, dtype=dtype) for shape in ((2, 4, 6, 7), (6, 2, 3, 2), (6,)))
    got = conv2d(x.to(device), w.to(device), b.to(device), padding=1, groups=2)
    assert got.device.type == device
    same(got.cpu(), conv2d(x, w, b, padding=1, groups=2))


# --- Derivatives.

FORWARD_AD_WARNS = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch, of its own jvp code

GEOMETRIES = [
    {},
    {"stride": (2, 1), "padding": (1, 0, 2, 1), "dilation": (1, 2), "groups": 2},
    {"padding": "same", "groups": 4},
]


@FORWARD_AD_WARNS
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize(
    ("dtype", "strip"), [(torch.float64, 1), (torch.float64, 1 << 17), (torch.complex128, 1 << 17)]
)
def test_conv2d_is_differentiable_twice(geometry, dtype, strip, monkeypatch):
    monkeypatch.setattr(reference, "_CPU_STRIP", strip)
    shapes = ((1, 4, 3, 4), (4, 4 // geometry.get("groups", 1), 2, 2), (4,))
    operands = tuple(normal(*shape, dtype=dtype).requires_grad_() for shape in shapes)
    assert gradcheck(lambda x, w, b: conv2d(x, w, b, **geometry), operands, check_forward_ad=True)
    assert gradgradcheck(lambda x, w, b: conv2d(x, w, b, **geometry), operands, atol=1e-4)


@FORWARD_AD_WARNS
def test_corr2d_is_differentiable_twice():
    operands = normal(4, 5).requires_grad_(), normal(2, 3).requires_grad_()
    assert gradcheck(corr2d, operands, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(corr2d, operands)


@pytest.mark.parametrize("order", [1, 2])
def test_gradients_agree_with_torch_bit_by_bit_on_integers(order):
    def derivatives(f):
        x, w = integers(2, 4, 7, 6).requires_grad_(), integers(6, 2, 3, 2).requires_grad_()
        y = f(x, w, None, (2, 1), 1, 1, 2)
        first = torch.autograd.grad(y, (x, w), integers(*y.shape), create_graph=order == 2)
        return first if order == 1 else torch.autograd.grad(first, (x, w), (integers(*x.shape), integers(*w.shape)))

    for got, expected in zip(derivatives(conv2d), derivatives(F.conv2d), strict=True):
        same(got, expected)


@pytest.mark.filterwarnings("ignore:There is a performance drop")  # vmap has no rule of its own for addcmul_
@pytest.mark.parametrize("in_dims", [(0, None), (None, 0), (0, 0)])
def test_vmap_over_either_operand(in_dims):
    X = integers(3, 5, 6) if in_dims[0] == 0 else integers(5, 6)
    K = integers(3, 2, 3) if in_dims[1] == 0 else integers(2, 3)
    one_by_one = [corr2d(X[i] if in_dims[0] == 0 else X, K[i] if in_dims[1] == 0 else K) for i in range(3)]
    same(torch.func.vmap(corr2d, in_dims)(X, K), torch.stack(one_by_one))


# --- The layer.


def test_layer_starts_uniform_with_bias_zero_and_both_train():
    layer = Conv2D((3, 2))
    assert layer.weight.shape == (3, 2)
    assert ((layer.weight >= 0) & (layer.weight < 1)).all()
    same(layer.bias.detach(), torch.zeros(1))
    assert all(parameter.requires_grad for parameter in layer.parameters())
    X = normal(5, 6, dtype=torch.float32)
    same(layer(X), corr2d(X, layer.weight) + layer.bias)


def test_layer_learns_the_kernel_that_made_the_data():
    X, K = normal(12, 13), normal(2, 3)
    layer = Conv2D((2, 3), torch.zeros(2, 3, dtype=torch.float64))
    optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=100, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        value = (layer(X) - corr2d(X, K) - 0.5).square().mean()
        value.backward()
        return value

    optimiser.step(loss)
    torch.testing.assert_close(layer.weight.detach(), K, rtol=0, atol=1e-5)
    torch.testing.assert_close(layer.bias.detach(), torch.tensor([0.5], dtype=torch.float64), rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 3), (1, 1, 2, 3)])
def test_given_weight_is_copied_not_shared(shape):
    weight = integers(*shape)
    layer = Conv2D((2, 3), weight)
    assert isinstance(layer.weight, nn.Parameter)
    assert layer.bias.dtype == weight.dtype
    with torch.no_grad():
        layer.weight.zero_()
    same(weight, integers(*shape))
    assert Conv2D((2, 3), weight.requires_grad_()).weight.is_leaf


@pytest.mark.parametrize("shape", [(5, 6), (1, 5, 6), (2, 1, 5, 6)])
def test_layer_keeps_the_rank(shape):
    x, weight = integers(*shape), integers(2, 3)
    got = Conv2D((2, 3), weight)(x)
    assert got.shape == (*shape[:-2], 4, 4)
    same(got.reshape(-1, 4, 4), torch.stack([corr2d(image, weight) for image in x.reshape(-1, 5, 6)]))


def test_layer_with_many_channels_is_conv2d():
    geometry = {"stride": 2, "padding": (1, 2), "dilation": (1, 2), "groups": 2}
    layer = Conv2D(3, in_channels=4, out_channels=6, bias=False, dtype=torch.float64, **geometry)
    x = normal(2, 4, 9, 8)
    assert layer.bias is None
    assert layer.weight.shape == (6, 2, 3, 3)
    torch.testing.assert_close(layer(x), F.conv2d(x, layer.weight, None, **geometry))


def test_layer_state_survives_saving_copying_and_casting():
    layer, other = Conv2D((2, 3), integers(2, 3)), Conv2D((2, 3), dtype=torch.float64)
    X = integers(5, 6)
    other.load_state_dict(layer.state_dict())
    same(other(X), layer(X))
    same(copy.deepcopy(layer)(X), layer(X))
    same(layer.float()(X.float()), other(X).float())
    assert layer.weight.dtype == layer.bias.dtype == torch.float32


def test_layer_shows_its_geometry():
    assert "(2, 3)" in repr(Conv2D((2, 3), padding="same"))
    assert "padding='same'" in repr(Conv2D((2, 3), padding="same"))


# --- Messages name what was wrong.

x44, w22 = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 2, 2)
ERRORS = [
    (lambda: corr2d([[1.0]], w22[0, 0]), TypeError, "X must be a torch.Tensor, got list"),
    (lambda: corr2d(x44[0, 0], None), TypeError, "K must be a torch.Tensor, got NoneType"),
    (lambda: corr2d(x44[0, 0] > 0, w22[0, 0] > 0), TypeError, "X is boolean"),
    (lambda: corr2d(x44[0, 0], w22[0, 0].double()), TypeError, "X torch.float32, K torch.float64"),
    (lambda: corr2d(x44[0, 0], w22[0, 0].to("meta")), ValueError, "X cpu, K meta"),
    (lambda: corr2d(x44, w22[0, 0]), ValueError, r"\(1, 1, 4, 4\) and \(2, 2\)"),
    (lambda: corr2d(w22[0, 0], torch.zeros(3, 2)), ValueError, r"kernel \(3, 2\).*input \(2, 2\)"),
    (lambda: corr2d(w22[0, 0], torch.zeros(0, 2)), ValueError, r"kernel \(0, 2\)"),
    (lambda: corr2d(torch.zeros(0, 2), w22[0, 0]), ValueError, r"input \(0, 2\)"),
    (lambda: conv2d(x44[0, 0], w22), ValueError, r"\(4, 4\) and \(1, 1, 2, 2\)"),
    (lambda: conv2d(x44, w22[0]), ValueError, r"\(1, 1, 4, 4\) and \(1, 2, 2\)"),
    (lambda: conv2d(x44, w22, torch.zeros(2)), ValueError, r"bias must have shape \(1,\).*got \(2,\)"),
    (lambda: conv2d(x44, w22, torch.zeros(1, 1)), ValueError, r"bias must have shape \(1,\).*got \(1, 1\)"),
    (lambda: conv2d(x44, w22, torch.zeros(1).half()), TypeError, "bias torch.float16"),
    (lambda: conv2d(x44, w22, 0.0), TypeError, "bias must be a torch.Tensor, got float"),
    (lambda: conv2d(x44, w22, stride=0), ValueError, "stride must be >= 1, got 0"),
    (lambda: conv2d(x44, w22, stride=(1, 2, 3)), ValueError, r"stride must be 1 or 2 integers, got \(1, 2, 3\)"),
    (lambda: conv2d(x44, w22, stride=1.0), TypeError, "stride must be 1 or 2 integers, got 1.0"),
    (lambda: conv2d(x44, w22, dilation=(1, 0)), ValueError, r"dilation must be >= 1, got \(1, 0\)"),
    (lambda: conv2d(x44, w22, dilation=4), ValueError, r"dilation \(4, 4\).*input \(4, 4\)"),
    (lambda: conv2d(x44, w22, groups=0), ValueError, "groups must be >= 1, got 0"),
    (lambda: conv2d(x44, w22, groups=2), ValueError, "groups=2 does not fit 1 input"),
    (lambda: conv2d(x44[:, :0], w22[:, :0]), ValueError, "0 input channels, 1 output channels and 0 per kernel"),
    (lambda: conv2d(x44.expand(1, 2, 4, 4), w22), ValueError, "2 input channels, 1 output channels and 1 per kernel"),
    (lambda: conv2d(x44, w22, padding=(0, -1)), ValueError, r"padding must be >= 0, got \(0, -1\)"),
    (lambda: conv2d(x44, w22, padding=(1, 1, 1)), ValueError, r"padding must be 1 or 2 or 4 integers, got \(1, 1, 1\)"),
    (lambda: conv2d(x44, w22, padding="full"), ValueError, "got 'full'"),
    (lambda: conv2d(x44, w22, padding="same", stride=(1, 2)), ValueError, r"stride 1, got \(1, 2\)"),
    (lambda: Conv2D((0, 3)), ValueError, r"kernel_size must be >= 1, got \(0, 3\)"),
    (lambda: Conv2D(3, in_channels=0), ValueError, "in_channels must be >= 1, got 0"),
    (lambda: Conv2D(3, in_channels=3, out_channels=4, groups=2), ValueError, "groups=2 does not divide 3 input and 4"),
    (lambda: Conv2D(3, padding=-1), ValueError, "padding must be >= 0, got -1"),
    (lambda: Conv2D(3, weight=[[1.0]]), TypeError, "weight must be a torch.Tensor, got list"),
    (lambda: Conv2D(2, weight=torch.ones(2, 2, dtype=torch.int64)), TypeError, "to be trained, got torch.int64"),
    (lambda: Conv2D(2, weight=torch.ones(2, 3)), ValueError, r"\(1, 1, 2, 2\).*got \(2, 3\)"),
    (lambda: Conv2D(2, torch.ones(2, 2), out_channels=2), ValueError, r"\(2, 1, 2, 2\).*got \(2, 2\)"),
    (lambda: Conv2D(2, torch.ones(2, 2), dtype=torch.float64), TypeError, "torch.float32 but dtype=torch.float64"),
    (lambda: Conv2D(2, torch.ones(2, 2), device="meta"), ValueError, "on cpu but device=meta"),
    (lambda: Conv2D(2, dtype=torch.int64), TypeError, "to be trained, got torch.int64"),
    (lambda: Conv2D(2, out_channels=2)(torch.ones(3, 3)), ValueError, r"1 and 2; got shape \(3, 3\)"),
    (lambda: Conv2D(2)(torch.ones(3)), ValueError, r"got shapes \(3,\)"),
    (lambda: Conv2D(2)([[1.0]]), TypeError, "x must be a torch.Tensor, got list"),
    (lambda: Conv2D(2)(torch.ones(3, 3).double()), TypeError, "x torch.float64, weight torch.float32"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[message for *_, message in ERRORS])
def test_errors_name_the_values(call, error, message):
    with pytest.raises(error, match=message):
        call()
