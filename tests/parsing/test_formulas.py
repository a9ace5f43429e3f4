import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from tidings.parsing import formulas, mathml
from tidings.parsing.entry_body import clean_body
from tidings.parsing.formulas import Formula


def found_in(html):
    """Return the text of a body that was cleaned, each formula as its source in brackets."""
    tree = LexborHTMLParser(clean_body(html, bases=[], language="en").html)
    for formula in tree.css("math"):
        brackets = r"\[%s\]" if formula.attributes["display"] == "block" else r"\(%s\)"
        formula.replace_with(brackets % formula.attributes["alttext"])
    return tree.body.text().strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("$x$", [Formula(tex="x")], id="a variable"),
        pytest.param("$n$个", [Formula(tex="n")], id="a Chinese word follows"),
        pytest.param("$a_i$", [Formula(tex="a_i")], id="an index"),
        pytest.param("$O(n)$", [Formula(tex="O(n)")], id="a function"),
        pytest.param(r"$\alpha$-stable", [Formula(tex=r"\alpha")], id="a command"),
        pytest.param("$5 and then $x^2$", [Formula(tex="x^2")], id="money before a formula"),
        pytest.param("$latex e^{i}$", [Formula(tex="e^{i}")], id="as WordPress writes it"),
        pytest.param("$$a=b$$", [Formula(tex="a=b", display=True)], id="two dollars"),
        pytest.param("$$x$$", [Formula(tex="x", display=True)], id="two dollars and a letter"),
        pytest.param("$a$$b$", [Formula(tex="a"), Formula(tex="b")], id="one after the other"),
        pytest.param(r"\(ans\) b", [Formula(tex="ans")], id="round brackets"),
        pytest.param(
            r"\[a\\[2pt] b_1\]", [Formula(tex=r"a\\[2pt] b_1", display=True)], id="square brackets"
        ),
        pytest.param(
            r"\begin{align}a&=b\end{align}",
            [Formula(tex=r"\begin{align}a&=b\end{align}", display=True)],
            id="an environment",
        ),
        pytest.param("costs $5 and $10 a day", [], id="money"),
        pytest.param("$5-$10", [], id="a price range"),
        pytest.param("$20,000 to $30,000 ($50/$60)", [], id="more money"),
        pytest.param("US$100, HK$200 and A$AP Ke$ha", [], id="money and names"),
        pytest.param("价格在$5到$10之间", [], id="money in Chinese"),
        pytest.param("$PATH:$HOME $foo_bar:$baz_qux", [], id="variables of a program"),
        pytest.param("kill $$ and $$", [], id="variables of a shell"),
        pytest.param(r"\$5$ x \$x\$", [], id="dollars that are escaped"),
        pytest.param(r"\[OC\] my picture", [], id="brackets that are escaped"),
        pytest.param(r"\(a word or two\)", [], id="words in brackets"),
        pytest.param("$ x $", [], id="blanks at the edges"),
        pytest.param(r"\( \) $$ $$", [], id="nothing between"),
        pytest.param("$. $ $--$", [], id="no letter and no digit"),
    ],
)
def test_formulas_are_told_from_money(text, expected):
    found = [part for part in formulas.split(text) if isinstance(part, Formula)]

    assert found == expected


@given(st.text(st.sampled_from("$\\()[]{}ab1^_ ,\n%")))
def test_splitting_loses_no_text(text):
    parts = formulas.split(text)
    between = [part for part in parts if isinstance(part, str)]

    assert re.fullmatch(".*?".join(map(re.escape, between)), text, re.DOTALL)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        pytest.param('<script type="math/tex">x^2</script>', r"\(x^2\)", id="MathJax source"),
        pytest.param(
            '<script type="math/tex; mode=display">x</script>',
            r"\[x\]",
            id="MathJax source, displayed",
        ),
        pytest.param(
            '<span class="MathJax_Preview">x2</span><span class="MathJax"><nobr>x2</nobr></span>'
            '<script type="math/tex">x^2</script>',
            r"\(x^2\)",
            id="MathJax source after its preview",
        ),
        pytest.param(
            '<span class="katex"><span class="katex-mathml"><math><semantics><mrow><mi>N</mi></mrow>'
            '<annotation encoding="application/x-tex">\\lceil N</annotation></semantics></math></span>'
            '<span class="katex-html">N</span></span>',
            r"\(\lceil N\)",
            id="KaTeX",
        ),
        pytest.param(
            '<span class="katex-display"><math><mi>x</mi></math></span>',
            r"\[x\]",
            id="KaTeX, displayed",
        ),
        pytest.param(
            '<mjx-container display="true"><math alttext="y"><mi>y</mi></math></mjx-container>',
            r"\[y\]",
            id="MathJax 3",
        ),
        pytest.param(
            '<mjx-container data-latex="y"><svg></svg></mjx-container>', r"\(y\)", id="MathJax 4"
        ),
        pytest.param("<mjx-container><svg></svg></mjx-container>", "", id="MathJax without source"),
        pytest.param('<math display="block"><mi>x</mi></math>', r"\[x\]", id="MathML"),
        pytest.param('<span class="math inline">\\(m\\)</span>', r"\(m\)", id="pandoc"),
        pytest.param(
            '<span class="math display">\\[\nm\n\\]</span>', r"\[m\]", id="pandoc, displayed"
        ),
        pytest.param('<span class="math inline">m</span>', r"\(m\)", id="pandoc without brackets"),
        pytest.param(
            '<span class="math">\\begin{align}a\\end{align}</span>',
            r"\[\begin{align}a\end{align}\]",
            id="an environment in a class",
        ),
        pytest.param('<span class="math">m</span>', "m", id="a class that says too little"),
        pytest.param('<div class="arithmatex">\\[m\\]</div>', r"\[m\]", id="arithmatex"),
        pytest.param(
            '<img class="latex" alt="x^2" src="/a.png">', r"\(x^2\)", id="a picture with a class"
        ),
        pytest.param(
            '<img src="https://www.zhihu.com/equation?tex=a%5E2" alt="a" eeimg="2">',
            r"\[a\]",
            id="a picture of Zhihu",
        ),
        pytest.param(
            '<img src="https://latex.codecogs.com/svg.latex?\\inline&space;a_1">',
            r"\(&space;a_1\)",
            id="a picture of CodeCogs",
        ),
        pytest.param(
            '<img src="https://s0.wp.com/latex.php?latex=a%5E2&bg=fff">',
            r"\(a^2\)",
            id="a picture of WordPress",
        ),
        pytest.param('<img src="http://[/?tex=x">', "", id="a broken address"),
        pytest.param(
            '<span class="ztext-math" data-tex="a^2">x</span>', r"\(a^2\)", id="an attribute"
        ),
        pytest.param(
            '<pre><code class="language-math">a^2</code></pre>',
            r"\[a^2\]",
            id="a block of code in TeX",
        ),
        pytest.param(
            r"<p>$$<br>a = % why<br>\beta<br>$$</p>", r"\[a = \beta\]", id="line breaks inside"
        ),
        pytest.param("<p><code>$x$</code> <kbd>$y$</kbd></p>", "$x$ $y$", id="never in code"),
        pytest.param('<span class="MathJax">x</span> y', "x y", id="MathJax that only shows"),
        pytest.param('<script type="text/x">x</script>y', "y", id="a script of another kind"),
        pytest.param("<pre>a $x$</pre>", "a $x$", id="never in a block of code"),
    ],
)
def test_formulas_are_found_in_markup(html, expected):
    assert found_in(html) == expected


def test_a_formula_becomes_mathml_with_its_source():
    html = clean_body("Let $x^2$ be", bases=[], language="en").html

    assert html == (
        'Let <math display="inline" alttext="x^2"><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math> be'
    )


@pytest.mark.parametrize(
    "tex",
    [
        pytest.param("x_{", id="broken"),
        pytest.param(r"\nosuchcommand x", id="unknown"),
        pytest.param("x+" * 1500, id="too long"),
        pytest.param(r"\def\a{\b\b}\a", id="defines macros"),
        pytest.param("{" * 900 + "}" * 900, id="too deep"),
    ],
)
def test_tex_that_cannot_be_set_is_shown_as_it_is(tex):
    html = formulas.to_html(Formula(tex=tex))

    assert html == f'<code class="tex">{tex}</code>'


@pytest.mark.parametrize(
    "tex",
    [
        pytest.param(r"\text{<script>alert(1)</script>}", id="a tag in text"),
        pytest.param(r"\text{&#x3c;script&#x3e;}", id="a tag as references"),
        pytest.param(r"\href{javascript:alert(1)}{x}", id="a link"),
        pytest.param(r'\textcolor{"><script>}{x}', id="a way out of an attribute"),
        pytest.param(r'\style{background:url("x")}{x}', id="a style"),
        pytest.param(r"\class{evil}{x}", id="a class"),
        pytest.param(r'\hspace{"onload=x}', id="a broken length"),
    ],
)
def test_no_tex_breaks_out_of_mathml(tex):
    html = mathml.from_tex(tex, display=False)

    tree = LexborHTMLParser(html or "")
    for node in tree.body.traverse():
        assert node.tag == "body" or node.tag.startswith("m")
        assert not set(node.attributes) & {"href", "style", "class", "onload"}


def test_native_mathml_keeps_mathematics_only():
    raw = (
        '<math onclick="x"><mrow href="javascript:x" mathvariant="bold" mathcolor="url(x)"><mi>x</mi>'
        "<mtext><b>b</b><script>c</script></mtext><annotation-xml><svg></svg></annotation-xml></mrow></math>"
    )

    html = clean_body(raw, bases=[], language="en").html

    inner = html.partition(">")[2]
    assert inner == '<mrow mathvariant="bold"><mi>x</mi><mtext>b</mtext></mrow></math>'


def test_mathml_without_end_is_shown_as_its_source():
    raw = "<math alttext='a'>" + "<mi>x</mi>" * 20_000 + "</math>"

    html = clean_body(raw, bases=[], language="en").html

    assert len(html) < 200
