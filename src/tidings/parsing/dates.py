"""Parse dates as publishers write them: exactly or not at all, never guessed.

The formats of the standards, names of months in some twenty languages, East Asian dates, ordinal
days, Unix time.
"""

# ruff: noqa: RUF001 - the punctuation of East Asia
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

# Characters of the longest date that is parsed.
MAX_SIZE = 100

# Years outside are mistakes, or mean "no date", as year 1 often does.
FIRST_YEAR, LAST_YEAR = 1900, 2999

MAX_OFFSET = timedelta(hours=14)

_HALF = r"(?:\s?(?P<half>[AaPp]\.?[Mm]\.?)(?![A-Za-z]))?"

_EASTERN_HALF = r"(?:(?P<eastern_half>上午|下午|午前|午後|凌晨|早上|晚上|오전|오후)\s?)?"

_TIME = (
    r"(?P<hour>\d{1,2})[:h](?P<minute>\d{1,2})"
    rf"(?::(?P<second>\d{{1,2}})(?:[.,]\d{{1,9}})?)?{_HALF}"
)

_OFFSET = r"(?:(?:GMT|UTC|UT|Z)?\s?(?P<sign>[+\-\u2212])(?P<zone_hours>\d{1,2})(?::?(?P<zone_minutes>\d{2}))?)"

_NAMED = r"(?P<zone>[A-Za-z]{1,5}|[A-Z][A-Za-z]{2,15}/[A-Za-z_]{2,30})"

_TAIL = rf"(?:\s?(?:{_OFFSET}(?:\s?[A-Z]{{1,5}})?|{_NAMED}))?(?:\s\(.{{1,40}}\))?"

_AT = r"(?:,?\s(?:(?:at|um|в|à|-|–)\s)?)"

_USUAL = re.compile(
    r"(?:(?P<weekday>[A-Za-z]{3,9}),?\s)?(?P<day>\d{1,2})\s(?P<month>[A-Za-z]{3,9})\s(?P<year>\d{4})"
    rf"\s{_TIME}{_TAIL}"
)

_ISO = re.compile(
    rf"(?P<year>\d{{4}})(?:(?P<mark>[-/.])(?P<month>\d{{1,2}})(?:(?P=mark)(?P<day>\d{{1,2}}))?)?"
    rf"(?:(?:T|t|,?\s|\s?T\s?){_EASTERN_HALF}{_TIME}{_TAIL})?"
)

_ORDINAL = re.compile(rf"(?P<year>\d{{4}})-(?P<day_of_year>\d{{3}})(?:(?:T|\s){_TIME}{_TAIL})?")

_ZONED_DAY = re.compile(
    rf"(?P<year>\d{{4}})-(?P<month>\d{{2}})-(?P<day>\d{{2}})(?:{_OFFSET}|(?P<zone>Z))"
)

_COMPACT = re.compile(
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"
    rf"(?:T?(?P<hour>\d{{2}})(?P<minute>\d{{2}})(?P<second>\d{{2}})?{_TAIL})?"
)

_EASTERN = re.compile(
    r"(?P<year>\d{4})(?:\s?[年년]\s?|\.\s)(?P<month>\d{1,2})(?:\s?[月월]\s?|\.\s)"
    r"(?P<day>\d{1,2})\s?[日号號일.]?,?\s?"
    r"(?:[(（]?(?:星期|周|週)?[一二三四五六日天月火水木金土월화수목금토](?:曜日|요일)?[)）]?\s?)?"
    rf"{_EASTERN_HALF}(?:(?P<hour>\d{{1,2}})\s?[:：时時点點시]\s?"
    r"(?:(?P<minute>\d{1,2})\s?[:：分분]?\s?)?"
    rf"(?:(?P<second>\d{{1,2}})\s?[秒초]?)?{_TAIL})?"
)

_NUMERIC = re.compile(
    r"(?P<first>\d{1,2})(?P<mark>[./-])(?P<second_number>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})"
    rf"(?:{_AT}{_TIME}(?:\sUhr)?{_TAIL})?"
)

_CLOCK = re.compile(rf"(?:^|\s){_TIME}")

_ZONE_OFFSET = re.compile(rf"\s{_OFFSET}(?=\s|$)")

_WEEKDAY = re.compile(r"([^\W\d_]{2,10})\.?,?\s")

_MONTH_NUMBER = re.compile(r"\b(\d{1,2})\s?[月월]")

# The letter that ISO 8601 has between date and time.
_BETWEEN = re.compile(r"(?<=[-\d]\d)T(?=\d{1,2}:)")

_MARKS = re.compile("[\u200b\u200e\u200f\ufeff]")

_COMMENT = re.compile(r"\s\([^()]{1,40}\)$")

_WORD = re.compile(r"[^\W\d_]+/[A-Za-z_]+|[^\W\d_]+|\d+|[^\s,.'’/-]")

_AFTERNOON = ("下午", "午後", "晚上", "오후")

_STAMP = re.compile(r"(\d{10})(?:\d{3})?(?:\.\d{1,9})?")

# What names of zones mean to those who write in a language, where `months.ZONES` has another.
_LOCAL_ZONES = {
    "ar": {"AST": "+0300"},
    "en-au": {"EST": "+1000", "EDT": "+1100", "CST": "+0930", "CDT": "+1030"},
    "en-ie": {"IST": "+0100"},
    "ga": {"IST": "+0100"},
    "he": {"IST": "+0200"},
    "zh": {"CST": "+0800"},
}

_CAPITALS = re.compile(r"\b[A-Z]{3}\b")

# ruff: noqa: RUF001 - Greek and Cyrillic words look like Latin ones
_MONTHS = """
jan january januar janvier janv enero ene gennaio gen janeiro januari янв января январь stycznia sty leden ledna январе jän jänner ιαν ιανουαρίου január 一月 ocak oca tammikuuta tammikuu січня січ ianuarie يناير
feb february februar février fevrier fév févr fev febrero febbraio fevereiro februari фев февр февраля февраль lutego lut únor února φεβ φεβρουαρίου február 二月 şubat şub helmikuuta helmikuu лютого лют februarie فبراير
mar march märz mrz maerz mars marzo março marco maart mrt мар марта март marca březen března μαρ μαρτ μάρ μαρτίου március márc 三月 maaliskuuta maaliskuu березня бер martie مارس maret mart
apr april avril avr abril abr aprile апр апреля апрель kwietnia kwi duben dubna απρ απριλίου április ápr 四月 nisan nis huhtikuuta huhtikuu квітня кві aprilie أبريل ابريل
may mai mayo maggio mag maio mei мая май maja maj květen května μαϊ μαι μαΐ μάι μαΐου május máj 五月 mayıs toukokuuta toukokuu травня тра مايو
jun june juni juin junio giugno giu junho июн июня июнь czerwca cze červen června ιουν ιον ιούν ιουνίου június jún 六月 haziran haz kesäkuuta kesäkuu червня чер iunie يونيو
jul july juli juillet juil julio luglio lug julho июл июля июль lipca lip červenec července ιουλ ιολ ιούλ ιουλίου július júl 七月 temmuz tem heinäkuuta heinäkuu липня лип iulie يوليو
aug august août aout aoû agosto ago augustus авг августа август sierpnia sie srpen srpna αυγ αύγ αυγούστου augusztus 八月 ağustos ağu elokuuta elokuu серпня сер أغسطس agustus augusti
sep sept september septembre septiembre set settembre setembro сен сент сентября сентябрь września wrz září σεπ σεπτ σεπτεμβρίου szeptember szept 九月 eylül eyl syyskuuta syyskuu вересня вер septembrie سبتمبر
oct october okt oktober octobre octubre ott ottobre out outubro окт октября октябрь paź października říjen října οκτ οκτωβρίου október 十月 ekim eki lokakuuta lokakuu жовтня жов octombrie أكتوبر
nov november novembre noviembre novembro ноя нояб ноября ноябрь lis listopada listopad listopadu νοε νοεμ νοέ νοεμβρίου 十一月 kasım kas marraskuuta marraskuu листопада noiembrie نوفمبر
dec december dez dezember décembre decembre déc dic diciembre dicembre dezembro дек декабря декабрь gru grudnia prosinec prosince δεκ δεκεμβρίου 十二月 aralık ara joulukuuta joulukuu грудня гру decembrie ديسمبر desember
"""

_IGNORED = """
mon tue tues wed weds thu thur thurs fri sat sun monday tuesday wednesday thursday friday saturday
sunday mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag
lun mer jeu ven sam dim lundi mardi mercredi jeudi vendredi samedi dimanche mié mie jue vie sáb
sab dom lunes martes miércoles miercoles jueves viernes sábado sabado domingo lunedì lunedi
martedì martedi mercoledì mercoledi giovedì giovedi venerdì venerdi sabato domenica gio seg ter
qua qui sex segunda terça terca quarta quinta sexta feira ma wo za zo maandag dinsdag woensdag
donderdag vrijdag zaterdag zondag din woe don vrij zat zon пн вт ср чт пт сб вс понедельник
вторник среда четверг пятница суббота воскресенье κυρ δευ τρι τρί τετ πεμ πέμ παρ σαβ σάβ
δευτέρα τρίτη τετάρτη πέμπτη παρασκευή σάββατο κυριακή at um uhr den the of
周一 周二 周三 周四 周五 周六 周日 週一 週二 週三 週四 週五 週六 週日 星期一 星期二 星期三 星期四
星期五 星期六 星期日 星期天 pzt sal çar per cum cmt paz pazartesi salı çarşamba perşembe cuma cumartesi
pazar ma ti ke to pe la su ons tors fre lör lør søn mån tis man tir szerda hétfő kedd csütörtök
péntek szombat vasárnap нд luni marți miercuri joi vineri sâmbătă duminică on le à a las kl om г в года de del e er st nd rd th
"""

_OFFSETS = {
    -12: "aoe",
    -11: "sst",
    -10: "hst",
    -9: "akst",
    -8: "pst akdt",
    -7: "mst pdt",
    -6: "cst mdt",
    -5: "est cdt pet cot ect",
    -4: "ast edt clt vet",
    -3.5: "nst",
    -3: "art brt adt uyt clst",
    -2.5: "ndt",
    0: "ut utc gmt z wet",
    1: "cet bst west met mez wat",
    2: "cest mest mesz eet cat sast",
    3: "msk eest eat trt idt",
    3.5: "irst",
    4: "msd gst samt",
    5: "pkt yekt uzt",
    5.5: "ist",
    5.75: "npt",
    6: "omst bdt almt",
    7: "wib ict krat novt",
    8: "hkt sgt awst wita irkt pht myt",
    9: "jst kst wit yakt",
    9.5: "acst",
    10: "aest vlat chst",
    10.5: "acdt",
    11: "aedt magt",
    12: "nzst fjt",
    13: "nzdt",
}

# The number of a month by its name or abbreviation, lower-case and without full stop.
MONTHS = {
    name: number for number, names in enumerate(_MONTHS.split("\n")) for name in names.split()
}

# One name of each month, by its number.
NAMES = {month: name for name, month in MONTHS.items()}

# Words that add nothing to the numbers of a date.
IGNORED = frozenset(_IGNORED.split())

# Hours east of Greenwich by zone name, lower-case.
#
# An ambiguous name is the zone that most feeds mean: IST is India's (not Ireland's or Israel's),
# BST British Summer Time, CST and EST North America's, AST Atlantic, GST the Gulf's. For some
# languages see `_LOCAL_ZONES`.
ZONES = {name: hours for hours, names in _OFFSETS.items() for name in names.split()}


def parse_date(raw: str, language: str | None = None) -> datetime | None:
    """Return the moment that `raw` means, aware UTC; None if it is ambiguous or no date.

    ISO 8601, RFC 822 and its relatives with the names of many languages, the years,
    months and days of East Asia, and Unix time are read. A date without zone is taken
    for UTC. Day and month that could be swapped, unknown words, impossible numbers and
    offsets beyond 14 hours give None, and so does the beginning of Unix time, which
    stands for no date at all: nothing is asked a second time with a laxer rule.

    Args:
        raw: As the publisher wrote it.
        language: That of the text beside it, as a tag. Java writes "CST" in Shanghai, too.
    """
    line = " ".join(raw[: 2 * MAX_SIZE].split())
    if not line or len(line) > MAX_SIZE:
        return None
    if not line.isascii():
        line = _MARKS.sub("", line)
    if language and (zones := _zones_of(language)):
        line = _CAPITALS.sub(lambda word: zones.get(word[0], word[0]), line)
    try:
        moment = (
            _usual(line) or _unix_time(line) or _counted(line) or _numbered(line) or _named(line)
        )
    except (ValueError, OverflowError, LookupError, OSError):
        return None
    is_meant = moment and moment.timestamp() and FIRST_YEAR <= moment.year <= LAST_YEAR
    return moment if is_meant else None


def _zones_of(language: str) -> Mapping[str, str]:
    main = language.partition("-")[0]
    return _LOCAL_ZONES.get(language) or _LOCAL_ZONES.get(main) or {}


def _usual(line: str) -> datetime | None:
    """Parse the form of RFC 5322: a fast path, since nearly every RSS feed has it."""
    found = _USUAL.fullmatch(line)
    if found is None or (found["weekday"] or "mon").lower() not in IGNORED:
        return None
    month = MONTHS.get(found["month"].lower())
    part = found.groupdict()
    return _moment(int(found["year"]), month, int(found["day"]), part=part) if month else None


def _unix_time(line: str) -> datetime | None:
    found = _STAMP.fullmatch(line)
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None


def _counted(line: str) -> datetime | None:
    """Parse an ordinal date, with the number of the day within the year."""
    found = _ORDINAL.fullmatch(line)
    if found is None:
        return None
    year, number = int(found["year"]), int(found["day_of_year"])
    date = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=number - 1)
    if date.year != year:
        return None
    return _moment(year, date.month, date.day, part=found.groupdict())


def _numbered(line: str) -> datetime | None:
    weekday = _WEEKDAY.match(line)
    if weekday and weekday[1].lower() in IGNORED:
        line = line[weekday.end() :]
    for pattern in (_ISO, _COMPACT, _ZONED_DAY, _EASTERN):
        if found := pattern.fullmatch(line):
            part = found.groupdict()
            day = int(part["year"]), int(part["month"] or 1), int(part["day"] or 1)
            return _moment(*day, part=part)
    if found := _NUMERIC.fullmatch(line):
        part = found.groupdict()
        if len(part["year"]) == 2 and part["mark"] != ".":
            return None
        day_of_month, month = int(part["first"]), int(part["second_number"])
        if part["mark"] != "." and day_of_month <= 12:
            if month <= 12 and month != day_of_month:
                return None
            day_of_month, month = month, day_of_month
        return _moment(_full_year(part["year"]), month, day_of_month, part=part)
    return None


def _named(line: str) -> datetime | None:
    """Parse a date with the name of its month: any order, any known language, nothing left over."""
    line = _BETWEEN.sub(" ", _MONTH_NUMBER.sub(_month_name, _COMMENT.sub("", line)))
    part: dict[str, str | None] = {}
    if clock := _CLOCK.search(line):
        line = f"{line[: clock.start()]} {line[clock.end() :]}"
        part = clock.groupdict()
        if offset := _ZONE_OFFSET.search(line):
            line = f"{line[: offset.start()]} {line[offset.end() :]}"
            part |= offset.groupdict()

    months, numbers, rest = _sorted_words(line)
    if rest:
        # What is left can only be a zone, which makes no sense without a time.
        if len(rest) > 1 or "hour" not in part:
            return None
        part["zone"] = rest[0]
    if len(months) == 2 and months[0] == "mar":
        del months[0]  # Tuesday, in French, Spanish and Italian
    if len(months) != 1 or len(numbers) != 2:
        return None
    day, year = reversed(numbers) if len(numbers[0]) == 4 else numbers
    return _moment(_full_year(year), MONTHS[months[0]], int(day), part=part)


def _month_name(number: re.Match[str]) -> str:
    return f" {NAMES[int(number[1])]} "


def _sorted_words(line: str) -> tuple[list[str], list[str], list[str]]:
    """Return the names of months, the numbers, and the unknown words."""
    months, numbers, rest = [], [], []
    for word in _WORD.findall(line):
        if word.isdecimal():
            numbers.append(word)
        elif word.lower() in MONTHS:
            months.append(word.lower())
        elif word.lower() not in IGNORED:
            rest.append(word)
    return months, numbers, rest


def _full_year(digits: str) -> int:
    """Return the year of `digits`, by RFC 5322, section 4.3, if they are two or three."""
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    if len(digits) == 3:
        return year + 1900
    return year if len(digits) == 4 else 0


def _moment(year: int, month: int, day: int, *, part: dict[str, str | None]) -> datetime:
    hour, minute, second = (int(part.get(name) or 0) for name in ("hour", "minute", "second"))
    half = (part.get("half") or part.get("eastern_half") or "").lower()
    if half.startswith("p") or half in _AFTERNOON:
        hour += 12 if hour < 12 else 0
    elif half and hour == 12:
        hour = 0
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        raise ValueError("no such time of day")
    local = datetime(year, month, day, tzinfo=_zone(part))
    return (local + timedelta(hours=hour, minutes=minute, seconds=second)).astimezone(UTC)


def _zone(part: dict[str, str | None]) -> timezone | ZoneInfo:
    name = part.get("zone")
    if part.get("sign"):
        hours, minutes = int(part["zone_hours"] or 0), int(part["zone_minutes"] or 0)
        offset = timedelta(hours=hours, minutes=minutes)
        if offset > MAX_OFFSET or minutes > 59:
            raise ValueError("no such offset")
        return timezone(offset if part["sign"] == "+" else -offset)
    if not name:
        return UTC
    return ZoneInfo(name) if "/" in name else timezone(timedelta(hours=ZONES[name.lower()]))
