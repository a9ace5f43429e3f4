"""Names of months, days of the week and time zones, as dates in feeds spell them."""
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

MONTHS = {
    name: number for number, names in enumerate(_MONTHS.split("\n")) for name in names.split()
}
"""The number of a month by its name or abbreviation, lower-case and without full stop."""

NAMES = {month: name for name, month in MONTHS.items()}
"""One name of each month, by its number."""

IGNORED = frozenset(_IGNORED.split())
"""Words that say nothing about the date which its numbers do not say."""

ZONES = {name: hours for hours, names in _OFFSETS.items() for name in names.split()}
"""Hours east of Greenwich by zone name, lower-case.

Where several zones share a name it means the one most feeds mean: IST is India's (not Ireland's or
Israel's), BST Britain's summer time, CST and EST North America's, AST Atlantic, GST the Gulf's. In some
languages they mean another one: `dates` knows which.
"""
