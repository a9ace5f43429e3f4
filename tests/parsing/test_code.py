import pytest

from tidings.parsing import code
from tidings.parsing.code import Code
from tidings.parsing.entry_body import clean_body

PYTHON = '<pre class="code"><code class="language-python"><span class="kn">import</span> <span class="nn">os</span></code></pre>'


def clean(html):
    return clean_body(html, bases=["https://example.org/"], language="en").html


@pytest.mark.parametrize(
    "html",
    [
        pytest.param(
            '<pre><code class="language-python">import os\n</code></pre>', id="a language class"
        ),
        pytest.param(
            '<pre class="language-python line-numbers"><code>import os<span class="line-numbers-rows"><span></span></span></code></pre>',
            id="Prism",
        ),
        pytest.param(
            '<pre><code class="hljs python"><span class="hljs-keyword">import</span> os</code></pre>',
            id="highlight.js",
        ),
        pytest.param(
            '<pre class="brush: python; notranslate">import os</pre>', id="SyntaxHighlighter"
        ),
        pytest.param('<pre data-lang="python">import os</pre>', id="an attribute"),
        pytest.param(
            '<div class="language-python highlighter-rouge"><div class="highlight"><pre class="highlight"><code><span class="kn">import</span> os</code></pre></div></div>',
            id="Rouge",
        ),
        pytest.param(
            '<div class="highlight-python"><div class="highlight"><pre><span></span>import os\n</pre></div></div>',
            id="Pygments",
        ),
        pytest.param(
            '<div class="highlight highlight-source-python"><pre>import os</pre></div>', id="GitHub"
        ),
        pytest.param(
            '<figure class="highlight python"><table><tr><td class="gutter"><pre><span class="line">1</span></pre></td><td class="code"><pre><span class="line">import os</span><br></pre></td></tr></table></figure>',
            id="Hexo, with line numbers",
        ),
        pytest.param(
            '<table class="lntable"><tr><td class="lntd"><pre><code><span class="lnt">1\n</span></code></pre></td><td class="lntd"><pre><code class="language-python">import os</code></pre></td></tr></table>',
            id="Hugo, with line numbers",
        ),
    ],
)
def test_code_is_highlighted_anew_whoever_marked_it_up(html):
    assert PYTHON in clean(html)
    assert ">1" not in clean(html)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        pytest.param("<pre>a &lt; b</pre>", "a &lt; b", id="no language: no guess"),
        pytest.param('<pre class="language-nosuch">a</pre>', "a", id="an unknown language"),
        pytest.param("<pre>a<br>b</pre>", "a\nb", id="line breaks"),
        pytest.param("<pre><div>a</div><div>b</div>c</pre>", "a\nb\nc", id="a block a line"),
        pytest.param(
            '<pre class="shiki"><code><span class="line">def f():</span><span class="line"></span>'
            '<span class="line">    return 1</span></code></pre>',
            "def f():\n\n    return 1",
            id="Shiki, lines that style sheets end",
        ),
        pytest.param(
            '<pre><code><span class="line">a</span>\n<span class="line"></span>\n'
            '<span class="line">b</span></code></pre>',
            "a\n\nb",
            id="Shiki, lines with ends of their own",
        ),
        pytest.param(
            '<pre><code><span class="line"><span class="cl">a\n</span></span><span class="line">'
            '<span class="cl">b\n</span></span></code></pre>',
            "a\nb",
            id="Chroma, ends within lines",
        ),
        pytest.param(
            '<pre><span data-line="">a</span><span data-line="">b</span></pre>', "a\nb", id="rehype"
        ),
        pytest.param("<pre><code>a</code><code>b</code></pre>", "a\nb", id="a code a line"),
        pytest.param(
            '<pre><span style="display: block">a</span><span style="display: block">b</span></pre>',
            "a\nb",
            id="blocks by style",
        ),
        pytest.param("<pre><span>a</span><span>b</span></pre>", "ab", id="spans in one line"),
        pytest.param("<pre>a<button>copy</button><!-- x --></pre>", "a", id="no buttons"),
        pytest.param("<pre>\n  a\n</pre>", "  a", id="indented"),
    ],
)
def test_plain_code(html, expected):
    assert clean(html) == f'<pre class="code"><code>{expected}</code></pre>'


def test_a_long_block_is_not_highlighted():
    html = code.to_html(Code(source="x = 1\n" * 10_000, language="python"))

    assert "<span" not in html


def test_all_code_of_a_body_together_is_highlighted_up_to_a_limit():
    block = '<pre><code class="language-python">' + "# {}\n" * 4_000 + "</code></pre>"

    html = clean("".join(block.format(*[number] * 4_000) for number in range(10)))

    assert 0 < html.count('class="language-python"') < 10
    assert html.count('<pre class="code">') == 10


def test_prose_in_a_fixed_width_keeps_its_links():
    html = clean('<pre>see <a href="/x">x</a></pre>')

    assert (
        html
        == '<pre>see <a href="https://example.org/x" rel="noopener noreferrer nofollow ugc">x</a></pre>'
    )


@pytest.mark.parametrize("blocks", [2, 3])
def test_a_table_of_several_blocks_stays_a_table(blocks):
    html = clean(
        '<table><tr><td class="gutter">a</td><td>' + "<pre>b</pre>" * blocks + "</td></tr></table>"
    )

    assert html.startswith("<table>")
    assert html.count("<pre") == blocks


def test_a_block_without_code_goes():
    assert clean("<pre><code class='language-python'>\n</code></pre>a") == "a"


def test_no_source_breaks_out_of_its_block():
    html = code.to_html(Code(source='x = "</code><script>" # <b>', language="python"))

    assert "<script" not in html
    assert "<b>" not in html


def test_markup_deeper_than_any_highlighter_makes_is_read_as_text():
    html = clean("<pre>" + "<span>" * 150 + "x" + "</span>" * 150 + "</pre>")

    assert html == '<pre class="code"><code>x</code></pre>'
