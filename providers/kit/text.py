"""Counting a text as each network counts it, and finding the URLs in it.

X: twitter-text @30e2430 (`config/v3.json`, and its `extractUrl` rules, ported): NFC first, weights
per code point, an emoji sequence is 2, a URL is 23 however long it is; a bare domain is a URL if
its ending exists. Mastodon (documentation @2903485d, 2026-07-02): grapheme clusters, an http(s) URL
is 23, `@user@domain` is `@user`. Bluesky (atproto @d6296a1c): grapheme clusters and UTF-8 bytes.

The endings stand here in full, as one string: every shortcut counts some post too low (refused by
X at night, with nobody awake) or too high (refused by us). All rules are data and patterns in the
common dialect of `regex` and JavaScript, handed out by `table()`, so a browser can count the same.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import regex

from providers.kit.contract import Limits, TextRule, Unit


@dataclass(frozen=True, slots=True)
class Weights:
    """What code points weigh on X: `ranges` are (first, last, weight), the rest weigh `default`."""

    ranges: tuple[tuple[int, int, int], ...]
    default: int
    scale: int
    url_length: int
    emoji: bool


@dataclass(frozen=True, slots=True)
class Url:
    """A URL found in a text, from code point `start` to before `end`."""

    start: int
    end: int
    text: str

    @property
    def target(self) -> str:
        """Where a click leads: a bare domain gets a scheme."""
        return self.text if _SCHEME.match(self.text) else f"https://{self.text}"


WEIGHTS = Weights(
    ranges=((0, 4351, 100), (8192, 8205, 100), (8208, 8223, 100), (8242, 8247, 100)),
    default=200,
    scale=100,
    url_length=23,
    emoji=True,
)

# Every ending of a domain as of twitter-text @30e2430 (IANA root zone).
_COUNTRIES = """
ac ad ae af ag ai al am an ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bl bm bn bo bq
br bs bt bv bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz
ec ee eg eh er es et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw
gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz
la lb lc li lk lr ls lt lu lv ly ma mc md me mf mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx
my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro
rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk
tl tm tn to tp tr tt tv tw tz ua ug uk um us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw
"""
_GENERIC = """
aaa aarp abarth abb abbott abbvie abc able abogado abudhabi academy accenture accountant
accountants aco active actor adac ads adult aeg aero aetna afamilycompany afl africa agakhan
agency aig aigo airbus airforce airtel akdn alfaromeo alibaba alipay allfinanz allstate ally
alsace alstom americanexpress americanfamily amex amfam amica amsterdam analytics android anquan
anz aol apartments app apple aquarelle arab aramco archi army arpa art arte asda asia associates
athleta attorney auction audi audible audio auspost author auto autos avianca aws axa azure baby
baidu banamex bananarepublic band bank bar barcelona barclaycard barclays barefoot bargains
baseball basketball bauhaus bayern bbc bbt bbva bcg bcn beats beauty beer bentley berlin best
bestbuy bet bharti bible bid bike bing bingo bio biz black blackfriday blanco blockbuster blog
bloomberg blue bms bmw bnl bnpparibas boats boehringer bofa bom bond boo book booking boots
bosch bostik boston bot boutique box bradesco bridgestone broadway broker brother brussels
budapest bugatti build builders business buy buzz bzh cab cafe cal call calvinklein cam camera
camp cancerresearch canon capetown capital capitalone car caravan cards care career careers cars
cartier casa case caseih cash casino cat catering catholic cba cbn cbre cbs ceb center ceo cern
cfa cfd chanel channel charity chase chat cheap chintai chloe christmas chrome chrysler church
cipriani circle cisco citadel citi citic city cityeats claims cleaning click clinic clinique
clothing cloud club clubmed coach codes coffee college cologne com comcast commbank community
company compare computer comsec condos construction consulting contact contractors cooking
cookingchannel cool coop corsica country coupon coupons courses cpa credit creditcard
creditunion cricket crown crs cruise cruises csc cuisinella cymru cyou dabur dad dance data date
dating datsun day dclk dds deal dealer deals degree delivery dell deloitte delta democrat dental
dentist desi design dev dhl diamonds diet digital direct directory discount discover dish diy
dnp docs doctor dodge dog doha domains doosan dot download drive dtv dubai duck dunlop duns
dupont durban dvag dvr earth eat eco edeka edu education email emerck energy engineer
engineering enterprises epost epson equipment ericsson erni esq estate esurance etisalat
eurovision eus events everbank exchange expert exposed express extraspace fage fail fairwinds
faith family fan fans farm farmers fashion fast fedex feedback ferrari ferrero fiat fidelity
fido film final finance financial fire firestone firmdale fish fishing fit fitness flickr
flights flir florist flowers flsmidth fly foo food foodnetwork football ford forex forsale forum
foundation fox free fresenius frl frogans frontdoor frontier ftr fujitsu fujixerox fun fund
furniture futbol fyi gal gallery gallo gallup game games gap garden gay gbiz gdn gea gent
genting george ggee gift gifts gives giving glade glass gle global globo gmail gmbh gmo gmx
godaddy gold goldpoint golf goo goodhands goodyear goog google gop got gov grainger graphics
gratis green gripe grocery group guardian gucci guge guide guitars guru hair hamburg hangout
haus hbo hdfc hdfcbank health healthcare help helsinki here hermes hgtv hiphop hisamitsu hitachi
hiv hkt hockey holdings holiday homedepot homegoods homes homesense honda honeywell horse
hospital host hosting hot hoteles hotels hotmail house how hsbc htc hughes hyatt hyundai ibm
icbc ice icu ieee ifm iinet ikano imamat imdb immo immobilien inc industries infiniti info ing
ink institute insurance insure int intel international intuit investments ipiranga irish iselect
ismaili ist istanbul itau itv iveco iwc jaguar java jcb jcp jeep jetzt jewelry jio jlc jll jmp
jnj jobs joburg jot joy jpmorgan jprs juegos juniper kaufen kddi kerryhotels kerrylogistics
kerryproperties kfh kia kim kinder kindle kitchen kiwi koeln komatsu kosher kpmg kpn krd kred
kuokgroup kyoto lacaixa ladbrokes lamborghini lamer lancaster lancia lancome land landrover
lanxess lasalle lat latino latrobe law lawyer lds lease leclerc lefrak legal lego lexus lgbt
liaison lidl life lifeinsurance lifestyle lighting like lilly limited limo lincoln linde link
lipsy live living lixil llc llp loan loans locker locus loft lol london lotte lotto love lpl
lplfinancial ltd ltda lundbeck lupin luxe luxury macys madrid maif maison makeup man management
mango map market marketing markets marriott marshalls maserati mattel mba mcd mcdonalds mckinsey
med media meet melbourne meme memorial men menu meo merckmsd metlife miami microsoft mil mini
mint mit mitsubishi mlb mls mma mobi mobile mobily moda moe moi mom monash money monster
montblanc mopar mormon mortgage moscow moto motorcycles mov movie movistar msd mtn mtpc mtr
museum mutual mutuelle nab nadex nagoya name nationwide natura navy nba nec net netbank netflix
network neustar new newholland news next nextdirect nexus nfl ngo nhk nico nike nikon ninja
nissan nissay nokia northwesternmutual norton now nowruz nowtv nra nrw ntt nyc obi observer off
office okinawa olayan olayangroup oldnavy ollo omega one ong onion onl online onyourside ooo
open oracle orange org organic orientexpress origins osaka otsuka ott ovh page pamperedchef
panasonic panerai paris pars partners parts party passagens pay pccw pet pfizer pharmacy phd
philips phone photo photography photos physio piaget pics pictet pictures pid pin ping pink
pioneer pizza place play playstation plumbing plus pnc pohl poker politie porn post pramerica
praxi press prime pro prod productions prof progressive promo properties property protection pru
prudential pub pwc qpon quebec quest qvc racing radio raid read realestate realtor realty
recipes red redstone redumbrella rehab reise reisen reit reliance ren rent rentals repair report
republican rest restaurant review reviews rexroth rich richardli ricoh rightathome ril rio rip
rmit rocher rocks rodeo rogers room rsvp rugby ruhr run rwe ryukyu saarland safe safety sakura
sale salon samsclub samsung sandvik sandvikcoromant sanofi sap sapo sarl sas save saxo sbi sbs
sca scb schaeffler schmidt scholarships school schule schwarz science scjohnson scor scot search
seat secure security seek select sener services ses seven sew sex sexy sfr shangrila sharp shaw
shell shia shiksha shoes shop shopping shouji show showtime shriram silk sina singles site ski
skin sky skype sling smart smile sncf soccer social softbank software sohu solar solutions song
sony soy space spiegel sport spot spreadbetting srl srt stada staples star starhub statebank
statefarm statoil stc stcgroup stockholm storage store stream studio study style sucks supplies
supply support surf surgery suzuki swatch swiftcover swiss sydney symantec systems tab taipei
talk taobao target tatamotors tatar tattoo tax taxi tci tdk team tech technology tel telecity
telefonica temasek tennis teva thd theater theatre tiaa tickets tienda tiffany tips tires tirol
tjmaxx tjx tkmaxx tmall today tokyo tools top toray toshiba total tours town toyota toys trade
trading training travel travelchannel travelers travelersinsurance trust trv tube tui tunes
tushu tvs ubank ubs uconnect unicom university uno uol ups vacations vana vanguard vegas
ventures verisign versicherung vet viajes video vig viking villas vin vip virgin visa vision
vista vistaprint viva vivo vlaanderen vodka volkswagen volvo vote voting voto voyage vuelos
wales walmart walter wang wanggou warman watch watches weather weatherchannel webcam weber
website wed wedding weibo weir whoswho wien wiki williamhill win windows wine winners wme
wolterskluwer woodside work works world wow wtc wtf xbox xerox xfinity xihuan xin xperia xxx xyz
yachts yahoo yamaxun yandex yodobashi yoga yokohama you youtube yun zappos zara zero zip zippo
zone zuerich
"""
_OTHER_SCRIPTS = """
vermögensberater vermögensberatung ελ ευ бг бел дети ею католик ком мкд мон москва онлайн орг
рус рф сайт срб укр қаз հայ קום ابوظبي اتصالات ارامكو الاردن البحرين الجزائر السعودية العليان
المغرب امارات ایران بارت بازار بيتك بھارت تونس سودان سورية شبكة عراق عرب عمان فلسطين قطر كاثوليك
كوم مصر مليسيا موبايلي موريتانيا موقع همراه پاکستان ڀارت कॉम नेट भारत भारतम् भारोत संगठन বাংলা
ভারত ভাৰত ਭਾਰਤ ભારત ଭାରତ இந்தியா இலங்கை சிங்கப்பூர் భారత్ ಭಾರತ ഭാരതം ලංකා คอม ไทย ລາວ გე みんな
クラウド グーグル コム ストア セール ファッション ポイント 世界 中信 中国 中國 中文网 企业 佛山
信息 健康 八卦 公司 公益 台湾 台灣 商城 商店 商标 嘉里 嘉里大酒店 在线 大众汽车 大拿 天主教 娱乐
家電 工行 广东 微博 慈善 我爱你 手机 手表 招聘 政务 政府 新加坡 新闻 时尚 書籍 机构 淡马锡 游戏
澳門 点看 珠宝 移动 组织机构 网址 网店 网站 网络 联通 诺基亚 谷歌 购物 通販 集团 電訊盈科 飞利浦
食品 餐厅 香格里拉 香港 닷넷 닷컴 삼성 한국
"""


def _any_of(words: Iterable[str]) -> str:
    """A pattern for any of `words` that shares their beginnings, so most places fail at once."""
    rests: dict[str, list[str]] = {}
    for word in sorted(words):
        rests.setdefault(word[:1], []).append(word[1:])
    optional = "?" if rests.pop("", None) else ""
    branches = (letter + (_any_of(rest) if rest != [""] else "") for letter, rest in rests.items())
    return f"(?:{'|'.join(branches)}){optional}" if rests else ""


ENDINGS = frozenset(f"{_COUNTRIES} {_GENERIC} {_OTHER_SCRIPTS}".split())

_PUNCTUATION = r"!'#%&()*+,\\./:;<=>?@\[\]\^{|}~$"
_SPACES = r"\x09-\x0D\x20\x85\xA0\u1680\u180E\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"
_REFUSED = r"\uFFFE\uFEFF\uFFFF"
_MARKS = r"\u202A-\u202E\u061C\u200E\u200F\u2066-\u2069"
_ACCENTS = (
    r"\xC0-\xD6\xD8-\xF6\xF8-\xFF\u0100-\u024F\u0253\u0254\u0256\u0257\u0259\u025B\u0263\u0268"
    r"\u026F\u0272\u0289\u028B\u02BB\u0300-\u036F\u1E00-\u1EFF"
)
_NOT_IN_NAMES = _PUNCTUATION + _SPACES + _REFUSED + _MARKS
_LETTER = rf"[^\-_{_NOT_IN_NAMES}]"  # may begin and end a label of a host name
_ENDING = rf"(?:{_any_of(ENDINGS)}(?=[^0-9a-zA-Z@+\-]|$)|xn--[\-0-9a-z]+)"
# A label has at most 63 letters and a host name at most 127 labels; the bounds keep this linear.
_SUBDOMAIN = rf"(?:{_LETTER}(?:[^{_NOT_IN_NAMES}]{{0,61}}{_LETTER})?\.){{0,30}}"
_DOMAIN = rf"{_SUBDOMAIN}{_LETTER}(?:[^_{_NOT_IN_NAMES}]{{0,61}}{_LETTER})?\.{_ENDING}"
_PATH_LETTER = rf"[a-z\u0400-\u04FF0-9!*';:=+,.$/%#\[\]\-\u2013_~@|&{_ACCENTS}]"
_PARENTHESES = (
    rf"\((?:{_PATH_LETTER}+|{_PATH_LETTER}*\({_PATH_LETTER}+\){_PATH_LETTER}*)\)"  # one level deep
)
_PATH_END = rf"(?:[+\-a-z\u0400-\u04FF0-9=_#/{_ACCENTS}]|{_PARENTHESES})"
_PATH = rf"(?:{_PATH_LETTER}*(?:{_PARENTHESES}{_PATH_LETTER}*)*{_PATH_END}|@{_PATH_LETTER}+/)"
_QUERY = r"\?[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*[a-z0-9\-_&=#/]"

PATTERNS = {
    "url": (
        rf"([^A-Za-z0-9@＠$#＃{_REFUSED}]|^)"
        rf"((https?://)?({_DOMAIN})(?::[0-9]+)?(/{_PATH}*)?(?:{_QUERY})?)"
    ),
    "bare": rf"(?:[\-a-z0-9{_ACCENTS}]+\.)+{_ENDING}",
    "emoji": (
        r"[0-9#*]\uFE0F?\u20E3|\p{Regional_Indicator}{2}"
        r"|(?:[\xA9\xAE]\uFE0F|(?![\xA9\xAE])\p{Extended_Pictographic}(?!\uFE0E))"
        r"\uFE0F?\p{Emoji_Modifier}?[\u{E0020}-\u{E007F}]*"
        r"(?:\u200D\p{Extended_Pictographic}\uFE0F?\p{Emoji_Modifier}?)*"
    ),
    "mention": (
        r"(^|[^=/\p{L}\p{N}_])(@[a-z0-9_]+(?:[a-z0-9_.\-]*[a-z0-9_])?)"
        r"@[\p{L}\p{N}_.\-]*[\p{L}\p{N}_]"
    ),
    "refused": rf"[{_REFUSED}]",
}


def _compiled(name: str) -> regex.Pattern[str]:
    # JavaScript writes \u{E0020} where Python writes \U000E0020.
    ours = regex.sub(r"\\u\{([0-9A-F]+)\}", lambda m: f"\\U{m[1]:0>8}", PATTERNS[name])
    return regex.compile(ours, regex.IGNORECASE)


_URL, _BARE, _EMOJI, _MENTION, _BAD = (_compiled(name) for name in PATTERNS)
_SCHEME = regex.compile(r"https?://", regex.IGNORECASE)
_GRAPHEME = regex.compile(r"\X")


def length(text: str, rule: TextRule) -> int:
    """How long `text` is in the unit of `rule`."""
    match rule.unit:
        case Unit.WEIGHTED:
            return weighted(text)
        case Unit.GRAPHEMES:
            return len(_GRAPHEME.findall(_shortened(text, rule)))
        case Unit.CODE_POINTS:
            return len(_shortened(text, rule))
        case Unit.UTF16:
            return len(_shortened(text, rule).encode("utf-16-le", "surrogatepass")) // 2
        case Unit.EMOJI_BYTES:
            more = (len(m[0].encode()) - len(m[0]) for m in _EMOJI.finditer(text))
            return len(_shortened(text, rule)) + sum(more)


def problems(
    text: str, limits: Limits, label: str, *, beside_media: bool = False
) -> tuple[str, ...]:
    """Why `text` does not fit, in sentences for its author; empty where it fits.

    `beside_media`: the post has pictures or a video too, so its text may be empty.
    """
    rule = limits.words(beside_media=beside_media)
    if not text.strip():
        return () if beside_media else (f"{label}: the text is empty.",)
    found = []
    if (count := length(text, rule)) > rule.limit:
        found.append(f"{label}: {_too_long(count, rule.limit, 'character')}")
    size = len(text.encode("utf-8", "surrogatepass"))
    if rule.byte_limit is not None and size > rule.byte_limit:
        found.append(f"{label}: {_too_long(size, rule.byte_limit, 'byte')}")
    if rule.unit is Unit.WEIGHTED and (bad := _BAD.search(text)):
        found.append(f"{label}: the character U+{ord(bad[0]):04X} is not allowed.")
    if signs := [sign for sign in rule.banned if sign in text]:
        found.append(f"{label}: {' and '.join(signs)} cannot stand in a text there.")
    return tuple(found)


def weighted(text: str, weights: Weights = WEIGHTS) -> int:
    """The length as X counts it."""
    text = unicodedata.normalize("NFC", text)
    ends = {url.start: (url.end, weights.url_length * weights.scale) for url in urls(text)}
    if weights.emoji:
        ends = {m.start(): (m.end(), weights.default) for m in _EMOJI.finditer(text)} | ends
    total = position = 0
    while position < len(text):
        end, weight = ends.get(position) or (position + 1, _weight(text[position], weights))
        total += weight
        position = end
    return total // weights.scale


def urls(text: str, *, bare: bool = True) -> tuple[Url, ...]:
    """The URLs in `text` in order; `bare`: also those without http(s)://."""
    found: list[Url] = []
    for match in _URL.finditer(text):
        if not _fits_dns(match[4]):
            continue
        if match[3]:
            found.append(Url(match.start(2), match.end(2), match[2]))
        elif bare and not match[1].endswith(("-", "_", ".", "/")):
            found += _bare_urls(match)
    return tuple(found)


def without_urls(text: str) -> str:
    """`text` without its URLs, each run of white space one space: what survives X's t.co."""
    parts, position = [], 0
    for url in urls(text):
        parts.append(text[position : url.start])
        position = url.end
    return " ".join("".join([*parts, text[position:]]).split())


def without_domains(text: str) -> str:
    """`text` with every `@user@domain` as `@user`: how Mastodon counts and shows a mention."""
    return str(_MENTION.sub(r"\1\2", text))


def table(limits: Limits) -> dict[str, object]:
    """Everything a browser needs to count the same; the patterns want the flags "giu"."""
    return {"text": asdict(limits.text), "weights": asdict(WEIGHTS), "patterns": PATTERNS}


def _shortened(text: str, rule: TextRule) -> str:
    """`text` with every URL and mention as long as it counts."""
    if rule.url_length is not None:
        for url in reversed(urls(text, bare=False)):
            text = f"{text[: url.start]}{'u' * rule.url_length}{text[url.end :]}"
    return without_domains(text) if rule.short_mentions else text


def _bare_urls(match: regex.Match[str]) -> list[Url]:
    """The ASCII domains in a match without a scheme; the path belongs to the last of them."""
    offset = match.start(4)
    spans = [(offset + m.start(), offset + m.end()) for m in _BARE.finditer(match[4])]
    if spans and match[5]:
        spans[-1] = (spans[-1][0], match.end(2))
    return [Url(start, end, match.string[start:end]) for start, end in spans]


def _fits_dns(domain: str) -> bool:
    """Whether every label has at most 63 letters as the DNS writes it (RFC 3490, section 4.1)."""
    return all(
        len(label) <= 63 if label.isascii() else len(label.encode("punycode")) <= 59
        for label in domain.split(".")
    )


def _weight(character: str, weights: Weights) -> int:
    point = ord(character)
    return next((w for low, high, w in weights.ranges if low <= point <= high), weights.default)


def _too_long(count: int, limit: int, unit: str) -> str:
    over = count - limit
    return f"{over} {unit}{'' if over == 1 else 's'} too long ({count} of {limit})."
