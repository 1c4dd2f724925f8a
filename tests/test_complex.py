"""Complex numbers are refused by name, wherever they come from: they have no types here, and no derivatives."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from srcdiff import TransformError, grad, jvp, vjp


@pytest.mark.parametrize(
    ("body", "message", "remedy"),
    [
        ("np.fft.fft(x)", "no rule for `numpy.fft.fft`: it computes with complex numbers", "np.cos and np.sin"),
        ("np.abs(rfft(x)) ** 2", "no rule for `numpy.fft.rfft`", "np.cos and np.sin"),
        ("transforms.irfft2(x)", "no rule for `numpy.fft.irfft2`", "np.cos and np.sin"),
        ("np.fft.ifftn(x)", "no rule for `numpy.fft.ifftn`", "np.cos and np.sin"),
        ("1j * x", "complex numbers are not supported", "keep real and imaginary parts apart"),
        ("np.exp(-2j * x)", "complex numbers are not supported", "keep real and imaginary parts apart"),
        ("complex(x[0], 1.0)", "`complex` makes complex numbers", "keep real and imaginary parts apart"),
        ("cmath.sqrt(x[0])", "`cmath.sqrt` makes complex numbers", "keep real and imaginary parts apart"),
        ("x.astype(complex)", "`complex` makes complex numbers", "keep real and imaginary parts apart"),
        ("np.zeros(3, dtype=complex) + x", "`complex` makes complex numbers", "keep real"),
        ("np.array(x, dtype=np.complex128)", "`numpy.complex128` makes complex numbers", "keep real"),
        ("np.ones(3, 'c16') * x", "arrays of complex numbers are not supported", "keep real"),
        ("UNIT * x", "`UNIT` holds complex numbers", "keep real and imaginary parts apart"),
        ("PHASES * x", "`PHASES` holds complex numbers", "keep real and imaginary parts apart"),
        ("PAIR[0] * x", "`PAIR` holds complex numbers", "keep real and imaginary parts apart"),
        ("np.angle(x)", "no rule for `numpy.angle`: complex numbers are not supported", "every number is real"),
    ],
)
def test_in_the_text(body: str, message: str, remedy: str, tmp_path: Any) -> None:
    path = tmp_path / "complex_numbers.py"
    path.write_text(
        "import cmath\nimport numpy as np\nimport numpy.fft as transforms\nfrom numpy.fft import rfft\n"
        f"UNIT = 1j\nPHASES = np.exp(1j * np.arange(3.0))\nPAIR = [1.0, 2j]\ndef f(x):\n    return np.sum({body})\n"
    )
    namespace: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    with pytest.raises(TransformError) as caught:
        grad(namespace["f"])(np.ones(3))
    assert message in str(caught.value) and remedy in str(caught.value) and caught.value.lineno == 9
    command = [sys.executable, "-m", "srcdiff", "transform", str(path), "-f", "f", "--mode", "gradient"]
    text = subprocess.run(command, capture_output=True, text=True, check=False)
    assert text.returncode == 2 and message in text.stderr and not text.stdout


def total(x: Any, scale: Any = 1.0) -> Any:
    return np.sum(x * scale)


@pytest.mark.parametrize("value", [1j, np.complex64(1.0), np.ones(2) * 1j, np.ones(2, dtype=np.complex64)])
def test_as_an_argument(value: Any) -> None:
    with pytest.raises(TypeError, match=r"complex number.*pass real and imaginary parts apart"):
        grad(total)(value)
    with pytest.raises(TypeError, match=r"complex number.*pass real and imaginary parts apart"):
        grad(total)(np.ones(2), value)


def test_as_a_seed() -> None:
    with pytest.raises(TypeError, match="complex number"):
        jvp(total, (np.ones(2), 1.0), (np.ones(2) * 1j, 0.0))
    with pytest.raises(TypeError, match=r"the adjoint|complex"):
        vjp(total, np.ones(2), 1.0)[1](1j)
