# ruff: noqa: RUF001 - the punctuation of other scripts is what is tested
import pytest

from tidings.parsing.decoding import decode

GERMAN = "Schöne Grüße aus Köln: Übermut tut selten gut"
RUSSIAN = "Сегодня хорошая погода, и мы идём гулять в парк"
JAPANESE = "今日は天気がいいので、公園を散歩しました。とても楽しかったです。"
CHINESE = "今天天气很好，我们去公园散步，看到了很多花。"
KOREAN = "오늘은 날씨가 좋아서 공원에서 산책을 했습니다."


def a_feed(text, label=None):
    declaration = f'<?xml version="1.0" encoding="{label}"?>' if label else ""
    return f"{declaration}<rss><title>{text}</title></rss>"


@pytest.mark.parametrize(
    ("text", "label", "codec"),
    [
        pytest.param(GERMAN, "ISO-8859-1", "cp1252", id="latin-1 is windows-1252"),
        pytest.param(f"{GERMAN} – “so”", "us-ascii", "cp1252", id="ascii with quotation marks"),
        pytest.param(GERMAN, "iso_8859-15", "iso8859_15", id="latin-9"),
        pytest.param(RUSSIAN, "windows-1251", "cp1251", id="windows-1251"),
        pytest.param(RUSSIAN, "KOI8-R", "koi8_r", id="koi8-r"),
        pytest.param(JAPANESE, "Shift_JIS", "cp932", id="shift_jis"),
        pytest.param(f"{JAPANESE}～①", "x-sjis", "cp932", id="windows-31j"),
        pytest.param(JAPANESE, "EUC-JP", "euc_jp", id="euc-jp"),
        pytest.param(f"{JAPANESE}①", "euc-jp", "euc_jis_2004", id="euc-jp with NEC characters"),
        pytest.param(JAPANESE, "iso-2022-jp", "iso2022_jp_ext", id="iso-2022-jp"),
        pytest.param(f"{CHINESE}镕", "gb2312", "gb18030", id="gb2312 is gb18030"),
        pytest.param(CHINESE, "GBK", "gb18030", id="gbk"),
        pytest.param(CHINESE, "EUC-CN", "gb18030", id="gbk, as Unix has it"),
        pytest.param("今日天氣很好", "big5", "big5hkscs", id="big5"),
        pytest.param("今日天氣很好", "MS950", "big5hkscs", id="big5, as Windows has it"),
        pytest.param(JAPANESE, "ujis", "euc_jp", id="euc-jp, as Unix has it"),
        pytest.param(f"{KOREAN}똠", "euc-kr", "cp949", id="euc-kr is cp949"),
        pytest.param("วันนี้อากาศดี", "tis-620", "cp874", id="thai"),
        pytest.param(GERMAN, "IBM850", "cp850", id="DOS, western"),
        pytest.param(GERMAN, "cp437", "cp437", id="DOS, american"),
        pytest.param("Łódź i Kraków są piękne", "IBM852", "cp852", id="DOS, polish"),
        pytest.param(RUSSIAN, "IBM855", "cp855", id="DOS, cyrillic"),
        pytest.param(RUSSIAN, "csIBM855", "cp855", id="DOS, cyrillic, by its other name"),
        pytest.param(RUSSIAN, "cp1125", "cp1125", id="DOS, ukrainian"),
        pytest.param(RUSSIAN, "MacCyrillic", "mac_cyrillic", id="Macintosh, cyrillic"),
        pytest.param(KOREAN, "johab", "johab", id="johab"),
        pytest.param(KOREAN, "x-windows-949", "cp949", id="cp949 by Java"),
        pytest.param(KOREAN, "ISO-2022-KR", "iso2022_kr", id="korean, 7 bit"),
        pytest.param(CHINESE, "HZ-GB-2312", "hz", id="chinese, 7 bit"),
    ],
)
def test_a_true_label_is_believed(text, label, codec):
    by_header = decode(a_feed(text).encode(codec), label)
    by_declaration = decode(a_feed(text, label).encode(codec))

    assert (by_header.text, by_header.problems) == (a_feed(text), ())
    assert (by_declaration.text, by_declaration.problems) == (a_feed(text, label), ())


@pytest.mark.parametrize("label", ["iso-8859-1", "gb2312", "shift_jis", "windows-1251", "us-ascii"])
def test_valid_utf_8_is_utf_8_whatever_the_label_says(label):
    decoded = decode(a_feed(CHINESE).encode(), label)

    assert decoded.text == a_feed(CHINESE)
    assert decoded.problems == (f"says {label}, is utf-8",)


@pytest.mark.parametrize(
    "codec", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
)
def test_unicode_is_known_by_its_bytes_not_by_its_label(codec):
    decoded = decode(a_feed(CHINESE).encode(codec), "iso-8859-1")

    assert decoded.text == a_feed(CHINESE)


def test_the_header_goes_before_the_declaration():
    body = a_feed(RUSSIAN, "koi8-r").encode("cp1251")

    decoded = decode(body, "windows-1251")

    assert RUSSIAN in decoded.text
    assert decoded.problems == ("says koi8-r, is cp1251",)


def test_a_label_that_does_not_fit_makes_room_for_the_next():
    body = a_feed(CHINESE, "gbk").encode("gbk")

    decoded = decode(body, "utf-8")

    assert CHINESE in decoded.text
    assert decoded.problems == ("says utf-8, is gb18030",)


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        pytest.param(GERMAN, "cp1252", id="german"),
        pytest.param(RUSSIAN, "cp1251", id="russian"),
        pytest.param(RUSSIAN, "koi8_r", id="russian, koi8"),
        pytest.param(JAPANESE, "cp932", id="japanese"),
        pytest.param(JAPANESE, "euc_jp", id="japanese, euc"),
        pytest.param(JAPANESE, "iso2022_jp", id="japanese, 7 bit"),
        pytest.param(CHINESE, "gbk", id="chinese"),
        pytest.param(KOREAN, "cp949", id="korean"),
    ],
)
@pytest.mark.parametrize("label", [None, "utf-8"])
def test_what_nobody_names_truly_is_guessed(text, codec, label):
    decoded = decode(a_feed(f"{text} {text}").encode(codec), label)

    assert text in decoded.text


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        pytest.param(CHINESE, "gb18030", id="chinese"),
        pytest.param("今日天氣很好，我們去公園散步，看到了很多花。", "big5", id="chinese, big5"),
        pytest.param(
            "今日天氣好好，我哋去公園行下，睇到好多花，佢哋喺度。", "big5hkscs", id="cantonese"
        ),
        pytest.param(JAPANESE, "cp932", id="japanese"),
        pytest.param(JAPANESE, "euc_jp", id="japanese, euc"),
        pytest.param(KOREAN, "cp949", id="korean"),
        pytest.param(RUSSIAN, "koi8_r", id="russian, koi8"),
        pytest.param(RUSSIAN, "cp1251", id="russian"),
    ],
)
@pytest.mark.parametrize("label", ["iso-8859-1", "windows-1252", "us-ascii"])
def test_a_western_label_means_nothing_for_an_eastern_text(text, codec, label):
    decoded = decode(a_feed(f"{text} {text}", label).encode(codec))

    assert text in decoded.text
    assert decoded.problems == (f"says {label}, is {decoded.encoding}",)


@pytest.mark.parametrize("codec", ["gb18030", "cp1251", "cp1252"])
def test_a_server_s_default_does_not_go_before_the_declaration(codec):
    text = "Wörter: Übermut"
    if codec != "cp1252":
        text = CHINESE if codec == "gb18030" else RUSSIAN

    decoded = decode(a_feed(text, codec).encode(codec), "ISO-8859-1")

    assert text in decoded.text


def test_a_western_text_is_western_however_many_quotation_marks_it_has():
    text = "« L’été », dit-elle : « déjà » … “so” – „ja“ — ¿qué? ¡sí!"

    decoded = decode(a_feed(text, "iso-8859-1").encode("cp1252"))

    assert (text in decoded.text, decoded.problems) == (True, ())


@pytest.mark.parametrize("label", [None, "iso-8859-1", "utf-8"])
def test_what_nobody_can_read_is_readable_where_it_is_ascii(label):
    noise = bytes([0x81, 0xFF, 0x8D, 0xFE, 0x8F, 0x90, 0x9D, 0xC0]) * 9

    decoded = decode(b"<rss><title>" + noise + b"</title></rss>", label)

    assert decoded.text.startswith("<rss><title>")
    assert decoded.text.endswith("</title></rss>")
    assert any("unreadable" in problem for problem in decoded.problems)


def test_one_bad_byte_costs_one_character():
    body = a_feed(f"{CHINESE * 5}").encode()
    broken = body.replace("花".encode(), b"\xe8\x8a", 1)

    decoded = decode(broken, "utf-8")

    assert decoded.text.count("\ufffd") == 1
    assert decoded.problems == ("1 unreadable characters in utf-8",)


def test_one_bad_byte_does_not_discredit_a_label():
    body = a_feed(CHINESE * 5).encode("gb18030").replace("花".encode("gb18030"), b"\xff", 1)

    decoded = decode(body, "gb2312")

    assert (decoded.encoding, decoded.text.count("花")) == ("gb18030", 4)


def test_a_byte_order_mark_that_lies_is_not_believed():
    decoded = decode(b"\xef\xbb\xbf" + a_feed(RUSSIAN).encode("cp1251"), "windows-1251")

    assert RUSSIAN in decoded.text


@pytest.mark.parametrize("label", ["cp037", "cp500", "IBM1140"])
def test_a_mainframe_s_document_is_read_by_its_label(label):
    codec = label.lower().replace("ibm", "cp")

    decoded = decode(a_feed(GERMAN, label).encode(codec))

    assert (decoded.text, decoded.encoding) == (a_feed(GERMAN, label), codec)


@pytest.mark.parametrize("label", ["unicode_escape", "utf-7", "rot13", "zlib", "idna", "undefined"])
def test_a_label_reaches_no_codec_that_is_no_character_set(label):
    decoded = decode(a_feed("\\u0041 +AEE-", label).encode())

    assert decoded.text == a_feed("\\u0041 +AEE-", label)
    assert decoded.problems == () or "says" in decoded.problems[0]


@pytest.mark.parametrize("label", ["utf-8", None])
@pytest.mark.parametrize(
    ("text", "letter"),
    [
        pytest.param("naïve, café", "é", id="one of two"),
        pytest.param("Grüße: „so“", "ß", id="one of four"),
        pytest.param("今天好", "好", id="one of three"),
    ],
)
def test_a_short_text_with_one_broken_character_is_utf_8_all_the_same(text, letter, label):
    body = a_feed(text, label).encode()

    decoded = decode(body.replace(letter.encode(), letter.encode()[:1]))

    assert decoded.encoding == "utf-8"
    assert decoded.text == a_feed(text.replace(letter, "\ufffd"), label)


@pytest.mark.parametrize("label", ["utf-8", None, "x-unknown"])
@pytest.mark.parametrize("text", ["café", "Ein Café in Köln – so", "£5 and 5€"])
def test_a_short_western_text_with_a_false_label_is_western(text, label):
    decoded = decode(a_feed(text, label).encode("cp1252"))

    assert (decoded.text, decoded.encoding) == (a_feed(text, label), "cp1252")


def test_an_unknown_label_is_named_without_its_tricks():
    decoded = decode(a_feed(GERMAN).encode(), "x\n\0" * 40)

    assert decoded.problems == ("says " + r"x\n\x00" * 13 + "x, is utf-8",)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Grüße aus Köln – “so”", id="german"),
        pytest.param("Я еду домой", id="russian"),
        pytest.param("L’été à la plage", id="french"),
    ],
)
def test_what_was_encoded_twice_is_decoded_twice(text):
    mojibake = "".join(
        bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) for byte in text.encode()
    )

    decoded = decode(a_feed(mojibake).encode())

    assert (decoded.text, decoded.problems) == (a_feed(text), ("encoded twice",))


def test_a_blank_that_lost_its_half_is_a_blank():
    decoded = decode(a_feed("donâ€™t, itâ€™s Â here").encode())

    assert decoded.text == a_feed("don’t, it’s  here")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("“Ã©” is how “é” looks if it is encoded twice", id="about the mistake"),
        pytest.param("NÃO É MANHÃ”", id="capitals before a quotation mark"),
        pytest.param("Ã©", id="once"),
        pytest.param("Â Â Â", id="a letter"),
        pytest.param(CHINESE, id="chinese"),
    ],
)
def test_what_was_encoded_once_is_decoded_once(text):
    assert decode(a_feed(text).encode()).text == a_feed(text)


@pytest.mark.parametrize("body", [b"", b"<", b"\xff", b"\xff\xfe", b"\0", b"\xef\xbb\xbf"])
def test_scraps_are_no_trouble(body):
    assert len(decode(body).text) <= 1
