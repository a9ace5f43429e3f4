"""Names of months, days of the week and time zones, as dates in feeds spell them."""
# ruff: noqa: RUF001 - Greek and Cyrillic words look like Latin ones

_MONTHS = """
jan january januar janvier janv enero ene gennaio gen janeiro januari янв января январь stycznia sty leden ledna январе jän jänner ιαν január
feb february februar février fevrier fév févr fev febrero febbraio fevereiro februari фев февр февраля февраль lutego lut únor února φεβ február
mar march märz mrz maerz mars marzo março marco maart mrt мар марта март marca březen března μαρ μαρτ március márc
apr april avril avr abril abr aprile апр апреля апрель kwietnia kwi duben dubna απρ április ápr
may mai mayo maggio mag maio mei мая май maja maj květen května μαϊ μαι május máj
jun june juni juin junio giugno giu junho июн июня июнь czerwca cze červen června ιουν ιον június jún
jul july juli juillet juil julio luglio lug julho июл июля июль lipca lip červenec července ιουλ ιολ július júl
aug august août aout aoû agosto ago augustus авг августа август sierpnia sie srpen srpna αυγ augusztus
sep sept september septembre septiembre set settembre setembro сен сент сентября сентябрь września wrz září σεπ szeptember szept
oct october okt oktober octobre octubre ott ottobre out outubro окт октября октябрь paź października říjen října οκτ október
nov november novembre noviembre novembro ноя нояб ноября ноябрь lis listopada listopad listopadu νοε νοεμ
dec december dez dezember décembre decembre déc dic diciembre dicembre dezembro дек декабря декабрь gru grudnia prosinec prosince δεκ
"""

_IGNORED = """
mon tue tues wed weds thu thur thurs fri sat sun monday tuesday wednesday thursday friday saturday
sunday mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag
lun mer jeu ven sam dim lundi mardi mercredi jeudi vendredi samedi dimanche mié mie jue vie sáb
sab dom lunes martes miércoles miercoles jueves viernes sábado sabado domingo lunedì lunedi
martedì martedi mercoledì mercoledi giovedì giovedi venerdì venerdi sabato domenica gio seg ter
qua qui sex segunda terça terca quarta quinta sexta feira ma wo za zo maandag dinsdag woensdag
donderdag vrijdag zaterdag zondag din woe don vrij zat zon пн вт ср чт пт сб вс понедельник
вторник среда четверг пятница суббота воскресенье κυρ δευ τρι τετ πεμ παρ σαβ at um uhr den the of
on le à a las kl om г в года de del e er st nd rd th
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
    3: "msk eest eat trt",
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

IGNORED = frozenset(_IGNORED.split())
"""Words that say nothing about the date which its numbers do not say."""

ZONES = {name: hours for hours, names in _OFFSETS.items() for name in names.split()}
"""Hours east of Greenwich by zone name, lower-case.

Where several zones share a name it means the one most feeds mean: IST is India's (not Ireland's or
Israel's), BST Britain's summer time, CST and EST North America's, AST Atlantic, GST the Gulf's.
"""
