"""MathML as TeX, and that as a letter says it: the structure of a formula survives."""
# ruff: noqa: RUF001 - signs of mathematics look like letters

import pytest

from tidings.parsing.entry_body import clean_body
from tidings.parsing.formulas import with_sources
from tidings.parsing.text_cleaning import clean_line
from tidings.templating.plain_text import readable

HALF = "<mfrac><mn>1</mn><mn>2</mn></mfrac>"
SQUARE = "<msup><mi>y</mi><mn>2</mn></msup>"
CHTML = (
    "<mjx-math><mjx-msup><mjx-mi><mjx-c class='mjx-c1D466 TEX-I'></mjx-c></mjx-mi><mjx-script>"
    "<mjx-mn size='s'><mjx-c class='mjx-c32'></mjx-c></mjx-mn></mjx-script></mjx-msup><mjx-mo>"
    "<mjx-c class='mjx-c2B'></mjx-c></mjx-mo><mjx-mfrac><mjx-frac><mjx-num><mjx-nstrut></mjx-nstrut>"
    "<mjx-mn><mjx-c class='mjx-c31'></mjx-c></mjx-mn></mjx-num><mjx-dbox><mjx-dtable><mjx-line>"
    "</mjx-line><mjx-row><mjx-den><mjx-mn><mjx-c class='mjx-c32'></mjx-c></mjx-mn></mjx-den></mjx-row>"
    "</mjx-dtable></mjx-dbox></mjx-frac></mjx-mfrac></mjx-math>"
)
SVG = (
    '<svg><g stroke="currentColor"><g data-mml-node="math"><g data-mml-node="mfrac">'
    '<g data-mml-node="mn"><path data-c="31" d="M0 0"></path></g><g data-mml-node="msqrt"><g>'
    '<g data-mml-node="mn"><use data-c="32"></use></g></g><g data-mml-node="mo">'
    '<path data-c="221A"></path></g><rect></rect></g><rect></rect></g></g></g></svg>'
)


def with_sources_in_line(html):
    return clean_line(with_sources(html), html=True)


def excerpt(html):
    return clean_body(f"<p>{html}</p>", bases=[], language="en").excerpt


@pytest.mark.parametrize(
    ("mathml", "tex", "said"),
    [
        pytest.param(HALF, r"\frac{1}{2}", "1/2", id="a fraction"),
        pytest.param(f"<mn>3</mn>{HALF}", r"3\frac{1}{2}", "3(1/2)", id="a mixed number"),
        pytest.param(f"{HALF}<mi>x</mi>", r"\frac{1}{2}x", "(1/2)x", id="a fraction of something"),
        pytest.param("<msqrt><mn>2</mn></msqrt>", r"\sqrt{2}", "√2", id="a root"),
        pytest.param(
            "<msqrt><mi>a</mi><mo>+</mo><mi>b</mi></msqrt>", r"\sqrt{a+b}", "√(a+b)", id="of a sum"
        ),
        pytest.param(
            "<mroot><mi>x</mi><mn>3</mn></mroot>", r"\sqrt[3]{x}", "³√x", id="a third one"
        ),
        pytest.param(SQUARE, "y^{2}", "y²", id="a power"),
        pytest.param(
            "<msup><mi>e</mi><mrow><mo>−</mo><mn>7</mn><mi>t</mi></mrow></msup>",
            "e^{-7t}",
            "e^(-7t)",
            id="a power that is a term",
        ),
        pytest.param(
            f"<msup>{HALF}<mi>n</mi></msup>", r"{\frac{1}{2}}^{n}", "(1/2)ⁿ", id="of a fraction"
        ),
        pytest.param(
            "<msub><mi>x</mi><mrow><mi>n</mi><mo>+</mo><mn>1</mn></mrow></msub>",
            "x_{n+1}",
            "xₙ₊₁",
            id="an index",
        ),
        pytest.param(
            "<msubsup><mi>a</mi><mi>i</mi><mn>2</mn></msubsup>", "a_{i}^{2}", "aᵢ²", id="both"
        ),
        pytest.param(
            "<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>0</mn></mrow><mi>n</mi></munderover>"
            "<mi>i</mi>",
            "∑_{i=0}^{n}i",
            "∑ᵢ₌₀ⁿi",
            id="a sum and its limits",
        ),
        pytest.param(
            "<mi>sin</mi><mo>&ApplyFunction;</mo><mi>α</mi>", r"\sin α", "sin α", id="a function"
        ),
        pytest.param("<mover><mi>x</mi><mo>^</mo></mover>", r"\hat{x}", "x\u0302", id="an accent"),
        pytest.param(
            '<mfenced open="[" close=")"><mi>a</mi><mi>b</mi></mfenced>',
            "[a,b)",
            "[a,b)",
            id="fences",
        ),
        pytest.param(
            '<mfrac linethickness="0"><mi>n</mi><mi>k</mi></mfrac>',
            r"\binom{n}{k}",
            "C(n, k)",
            id="a binomial",
        ),
        pytest.param(
            "<mmultiscripts><mi>U</mi><mn>92</mn><none/><mprescripts/><none/><mn>238</mn>"
            "</mmultiscripts>",
            "{}^{238}U_{92}",
            "²³⁸U₉₂",
            id="an isotope",
        ),
        pytest.param("<mtext>if 5 %</mtext>", r"\text{if 5 \%}", "if 5 %", id="words"),
        pytest.param("<mfrac><mn>1</mn></mfrac>", "1", "1", id="half a fraction"),
    ],
)
def test_mathml_without_words_of_its_own_keeps_its_structure(mathml, tex, said):
    assert excerpt(f"<math>{mathml}</math>") == rf"\({tex}\)"
    assert readable(excerpt(f"<math>{mathml}</math>")) == said


@pytest.mark.parametrize(
    "annotation",
    [
        pytest.param('<annotation encoding="StarMath 5.0">1 over 2</annotation>', id="StarMath"),
        pytest.param('<annotation encoding="text/plain">12</annotation>', id="plain text"),
        pytest.param(
            '<annotation-xml encoding="MathML-Content"><apply><cn>1</cn></apply></annotation-xml>',
            id="content",
        ),
        pytest.param(
            r'<annotation encoding="application/x-tex">\frac{1}{2}</annotation>', id="TeX"
        ),
        pytest.param(r'<annotation encoding="LaTeX">\frac{1}{2}</annotation>', id="LaTeX"),
        pytest.param(r'<annotation encoding="text/x-latex">\frac{1}{2}</annotation>', id="typed"),
    ],
)
def test_only_tex_takes_the_place_of_what_the_formula_itself_says(annotation):
    math = f"<math><semantics><mrow>{HALF}</mrow>{annotation}</semantics></math>"

    assert excerpt(math) == r"\(\frac{1}{2}\)"


def test_an_alternative_text_in_words_is_no_tex():
    assert excerpt(f'<math alttext="one half">{HALF}</math>') == r"\(\frac{1}{2}\)"
    assert excerpt(rf'<math alttext="\tfrac12">{HALF}</math>') == r"\(\tfrac12\)"


@pytest.mark.parametrize(
    ("drawn", "tex"),
    [
        pytest.param(
            f"<mjx-container class='MathJax'>{CHTML}<mjx-assistive-mml><math>{SQUARE}</math></mjx-assistive-mml>"
            "</mjx-container>",
            r"\(y^{2}\)",
            id="with MathML for those who hear it",
        ),
        pytest.param(
            f"<mjx-container class='MathJax'>{CHTML}</mjx-container>",
            r"\(y^{2}+\frac{1}{2}\)",
            id="as HTML",
        ),
        pytest.param(
            f"<mjx-container class='MathJax'>{SVG}</mjx-container>",
            r"\(\frac{1}{\sqrt{2}}\)",
            id="as a drawing",
        ),
        pytest.param(
            '<span class="MathJax" data-mathml="&lt;math&gt;&lt;msup&gt;&lt;mi&gt;y&lt;/mi&gt;'
            '&lt;mn&gt;2&lt;/mn&gt;&lt;/msup&gt;&lt;/math&gt;"><nobr>y2</nobr></span>',
            r"\(y^{2}\)",
            id="version 2, with MathML in an attribute",
        ),
    ],
)
def test_what_mathjax_draws_keeps_its_structure(drawn, tex):
    assert excerpt(drawn) == tex


def test_mathml_as_the_source_of_a_script_and_with_a_prefix_is_read_alike():
    script = (
        f'<span class="MathJax">y2</span><script type="math/mml"><math>{SQUARE}</math></script>'
    )
    prefixed = "<mml:math><mml:msup><mml:mi>y</mml:mi><mml:mn>2</mml:mn></mml:msup></mml:math>"

    assert excerpt(script) == r"\(y^{2}\)"
    assert excerpt(prefixed) == r"\(y^{2}\)"


@pytest.mark.parametrize(
    ("title", "said"),
    [
        pytest.param(f"Half <math>{HALF}</math> of it", r"Half \(\frac{1}{2}\) of it", id="MathML"),
        pytest.param("<mml:math><mml:mi>x</mml:mi></mml:math>!", r"\(x\)!", id="with a prefix"),
        pytest.param("<math><mi>a</mi><mo>&lt;</mo><mi>b</mi></math>", r"\(a<b\)", id="a sign"),
        pytest.param("The <math> tag", "The tag", id="without an end"),
    ],
)
def test_formulas_in_titles_keep_their_structure(title, said):
    assert with_sources_in_line(title) == said


def test_fences_are_shown_by_browsers_that_do_not_know_them():
    html = clean_body("<math><mfenced><mi>a</mi></mfenced></math>", bases=[], language="en").html

    assert "<mo>(</mo><mi>a</mi><mo>)</mo>" in html


def test_the_deepest_formula_takes_no_harm():
    deep = "<msqrt>" * 5000 + "<mi>x</mi>" + "</msqrt>" * 5000

    assert len(excerpt(f"<math>{deep}</math>")) < 400
