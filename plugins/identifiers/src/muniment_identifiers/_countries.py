"""Countries by the names that people give them, for fields that say where something belongs.

ISO 3166-1: two letters, three letters, English and Chinese names; a few that are in use beside them.
"""

from __future__ import annotations

from functools import cache
from typing import Final

__all__ = ["country_of"]

_NAMES: Final = """
AD AND Andorra|安道尔
AE ARE United Arab Emirates|UAE|阿联酋|阿拉伯联合酋长国
AL ALB Albania|阿尔巴尼亚
AM ARM Armenia|亚美尼亚
AR ARG Argentina|阿根廷
AT AUT Austria|Österreich|奥地利
AU AUS Australia|澳大利亚
AZ AZE Azerbaijan|阿塞拜疆
BA BIH Bosnia and Herzegovina|波斯尼亚和黑塞哥维那|波黑
BD BGD Bangladesh|孟加拉国
BE BEL Belgium|België|Belgique|比利时
BG BGR Bulgaria|保加利亚
BR BRA Brazil|Brasil|巴西
BY BLR Belarus|白俄罗斯
CA CAN Canada|加拿大
CH CHE Switzerland|Schweiz|Suisse|Svizzera|瑞士
CL CHL Chile|智利
CN CHN China|People's Republic of China|PRC|Mainland China|中国|中国大陆|中华人民共和国
CO COL Colombia|哥伦比亚
CR CRI Costa Rica|哥斯达黎加
CY CYP Cyprus|塞浦路斯
CZ CZE Czechia|Czech Republic|捷克
DE DEU Germany|Deutschland|德国
DK DNK Denmark|Danmark|丹麦
DO DOM Dominican Republic|多米尼加
DZ DZA Algeria|阿尔及利亚
EC ECU Ecuador|厄瓜多尔
EE EST Estonia|爱沙尼亚
EG EGY Egypt|埃及
ES ESP Spain|España|西班牙
FI FIN Finland|Suomi|芬兰
FR FRA France|法国
GB GBR United Kingdom|UK|Great Britain|Britain|England|Scotland|Wales|Northern Ireland|英国
GE GEO Georgia|格鲁吉亚
GG GGY Guernsey|根西岛
GR GRC Greece|希腊
HK HKG Hong Kong|中国香港|香港
HR HRV Croatia|克罗地亚
HU HUN Hungary|匈牙利
ID IDN Indonesia|印度尼西亚|印尼
IE IRL Ireland|爱尔兰
IL ISR Israel|以色列
IM IMN Isle of Man|马恩岛
IN IND India|印度
IR IRN Iran|伊朗
IS ISL Iceland|冰岛
IT ITA Italy|Italia|意大利
JE JEY Jersey|泽西岛
JO JOR Jordan|约旦
JP JPN Japan|日本
KE KEN Kenya|肯尼亚
KG KGZ Kyrgyzstan|吉尔吉斯斯坦
KH KHM Cambodia|柬埔寨
KR KOR South Korea|Korea|Republic of Korea|韩国|大韩民国
KW KWT Kuwait|科威特
KZ KAZ Kazakhstan|哈萨克斯坦
LA LAO Laos|老挝
LB LBN Lebanon|黎巴嫩
LI LIE Liechtenstein|列支敦士登
LK LKA Sri Lanka|斯里兰卡
LT LTU Lithuania|立陶宛
LU LUX Luxembourg|卢森堡
LV LVA Latvia|拉脱维亚
MA MAR Morocco|摩洛哥
MC MCO Monaco|摩纳哥
MD MDA Moldova|摩尔多瓦
ME MNE Montenegro|黑山
MK MKD North Macedonia|北马其顿
MM MMR Myanmar|缅甸
MN MNG Mongolia|蒙古
MO MAC Macao|Macau|中国澳门|澳门
MT MLT Malta|马耳他
MX MEX Mexico|México|墨西哥
MY MYS Malaysia|马来西亚
NG NGA Nigeria|尼日利亚
NL NLD Netherlands|The Netherlands|Nederland|Holland|荷兰
NO NOR Norway|Norge|挪威
NP NPL Nepal|尼泊尔
NZ NZL New Zealand|新西兰
PE PER Peru|秘鲁
PH PHL Philippines|菲律宾
PK PAK Pakistan|巴基斯坦
PL POL Poland|Polska|波兰
PR PRI Puerto Rico|波多黎各
PT PRT Portugal|葡萄牙
PY PRY Paraguay|巴拉圭
QA QAT Qatar|卡塔尔
RO ROU Romania|罗马尼亚
RS SRB Serbia|塞尔维亚
RU RUS Russia|Russian Federation|俄罗斯
SA SAU Saudi Arabia|沙特阿拉伯|沙特
SE SWE Sweden|Sverige|瑞典
SG SGP Singapore|新加坡
SI SVN Slovenia|斯洛文尼亚
SK SVK Slovakia|斯洛伐克
SM SMR San Marino|圣马力诺
TH THA Thailand|泰国
TN TUN Tunisia|突尼斯
TR TUR Türkiye|Turkey|土耳其
TW TWN Taiwan|中国台湾|台湾
UA UKR Ukraine|乌克兰
US USA United States|United States of America|America|美国
UY URY Uruguay|乌拉圭
UZ UZB Uzbekistan|乌兹别克斯坦
VA VAT Vatican City|Holy See|梵蒂冈
VE VEN Venezuela|委内瑞拉
VN VNM Vietnam|Viet Nam|越南
ZA ZAF South Africa|南非
"""


def _fold(name: str) -> str:
    return " ".join(name.casefold().replace(".", "").split())


@cache
def _by_name() -> dict[str, str]:
    found: dict[str, str] = {}
    for line in _NAMES.strip().splitlines():
        two, three, names = line.split(" ", 2)
        found |= {_fold(name): two for name in (two, three, *names.split("|"))}
    return found


def country_of(value: object) -> str:
    """The country that a value names.

    Args:
        value: two or three letters, or a name in English, Chinese or its own language.

    Returns:
        Two letters, ISO 3166-1; empty where it is none that is listed here.
    """
    return _by_name().get(_fold(value), "") if isinstance(value, str) else ""
