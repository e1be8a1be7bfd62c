"""What states and causes of outages are called."""

from kit.fields.labels import Label
from svc_services.supply.outages.models import OutageCause, OutageStatus

STATUS_NAMES = {
    OutageStatus.ANNOUNCED: Label(zh="已公告", en="Announced", kk="جاريالاندى", ug="ئېلان قىلىندى"),
    OutageStatus.ENDED: Label(zh="已恢复", en="Supply restored", kk="قالپىنا كەلدى", ug="ئەسلىگە كەلدى"),
    OutageStatus.CANCELLED: Label(zh="已取消", en="Cancelled", kk="بولدىرىلمادى", ug="ئەمەلدىن قالدۇرۇلدى"),
}
CAUSE_NAMES = {
    OutageCause.MAINTENANCE: Label(zh="计划检修", en="Maintenance", kk="جوندەۋ جۇمىسى", ug="رېمونت قىلىش"),
    OutageCause.CONSTRUCTION: Label(zh="工程施工", en="Construction", kk="قۇرىلىس جۇمىسى", ug="قۇرۇلۇش ئىشى"),
    OutageCause.FAULT: Label(zh="设施故障", en="Fault", kk="جابدىق اقاۋى", ug="ئەسلىھە كاشىلىسى"),
    OutageCause.WEATHER: Label(zh="天气原因", en="Weather", kk="اۋا رايى", ug="ھاۋا رايى"),
    OutageCause.SHORTAGE: Label(zh="供应不足", en="Shortage of supply", kk="جەتىسپەۋشىلىك", ug="تەمىنات يېتىشمەسلىك"),
    OutageCause.SAFETY: Label(zh="安全原因", en="Safety", kk="قاۋىپسىزدىك", ug="بىخەتەرلىك"),
    OutageCause.OTHER: Label(zh="其他原因", en="Other", kk="باسقا سەبەپ", ug="باشقا سەۋەب"),
}
