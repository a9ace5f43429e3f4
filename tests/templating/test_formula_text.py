# ruff: noqa: RUF001 - signs of mathematics look like letters

import pytest

from tidings.templating.plain_text import readable


@pytest.mark.parametrize(
    ("latex", "plain"),
    [
        (r"p \equiv 1 \pmod 4", "p ≡ 1 (mod 4)"),
        (r"a^2 + b^{10}", "a² + b¹⁰"),
        (r"x_{n+1}, y_{\max}", "xₙ₊₁, y_(max)"),
        (r"\frac{a+1}{2b}", "(a+1)/(2b)"),
        (r"\frac{a+b}{2} \ge \sqrt{ab}", "(a+b)/2 ≥ √(ab)"),
        (r"f\colon \mathbb{R}^n \to \mathbb R", "f: ℝⁿ → ℝ"),
        (r"\lim_{n\to\infty} f'(a_n)", "lim_(n → ∞) f′(aₙ)"),
        (r"90^\circ, \{x \in S\}, \text{if } x<0", "90°, {x ∈ S}, if x<0"),
        (r"O(n \log n)", "O(n log n)"),
        (r"\begin{matrix}a&b\end{matrix}", None),
        (r"\hat{m}_t / \bar v", "m\u0302ₜ / v\u0304"),
        (r"\hat{xy}", None),
        ("x^", None),
        ("{" * 500, None),
    ],
)
def test_formulas_are_plain_text_or_stay_as_they_are(latex, plain):
    text = rf"If \({latex}\) holds"

    assert readable(text) == (f"If {plain} holds" if plain else text)
