import time

from tidings.parsing.text_diff import text_lines, to_html


def test_blocks_are_lines_and_cells_of_a_row_stand_in_one():
    page = "<h2>Times</h2><table><tr><td>Mon<td>9 &amp; 5<tr><td>Tue<td><b>shut</b></table><br>End"

    assert text_lines(page) == ["Times", "Mon 9 & 5", "Tue shut", "End"]


def test_a_changed_line_shows_its_changed_words():
    assert to_html("a\nOpen 9 to 5 & more\nb", "a\nOpen 9 to 6 & more\nb") == (
        "<p>a</p>\n<p>Open 9 to <del>5</del><ins>6</ins> &amp; more</p>\n<p>b</p>"
    )


def test_chinese_is_compared_letter_by_letter():
    assert to_html("周一开放", "周二开放") == "<p>周<del>一</del><ins>二</ins>开放</p>"


def test_only_what_is_near_a_change_is_shown():
    lines = [f"line {number}" for number in range(20)]

    shown = to_html("\n".join(lines), "\n".join([*lines[:9], "new", *lines[9:]]))

    assert shown == ("<p>…</p>\n<p>line 8</p>\n<p><ins>new</ins></p>\n<p>line 9</p>\n<p>…</p>")


def test_what_is_gone_is_crossed_out():
    assert to_html("a\nb", "a") == "<p>a</p>\n<p><del>b</del></p>"


def test_a_rewritten_page_is_cut_short_and_takes_no_time():
    started = time.process_time()

    shown = to_html("\n".join("ab " * 9 for _ in range(5000)), "\n".join("cd" for _ in range(5000)))

    assert shown.count("<p>") == 201
    assert time.process_time() - started < 5
