from kit.fields.labels import Note
from svc_services.cases.joint.models import SurveyFailure

WHY_NO_DAY = {
    SurveyFailure.NO_COMMON_DAY: Note(
        zh="没有一个日期适合所有单位，各单位将分别与您预约。",
        en="No proposed day suits all companies. Each will make an appointment with you.",
        kk="ۇسىنىلعان كۇندەردىڭ ەشقايسىسى بارلىق مەكەمەگە ساي كەلمەدى. ٴار مەكەمە سىزبەن جەكە كەلىسەدى.",
        ug="ھەممە ئورۇنغا ماس كېلىدىغان كۈن چىقمىدى. ھەر بىر ئورۇن سىز بىلەن ئايرىم ۋاقىت بېكىتىدۇ.",
    ),
    SurveyFailure.NOT_ANSWERED: Note(
        zh="有单位未在期限内答复，各单位将分别与您预约。",
        en="A company did not answer in time. Each will make an appointment with you.",
        kk="ٴبىر مەكەمە ۋاقتىندا جاۋاپ بەرمەدى. ٴار مەكەمە سىزبەن جەكە كەلىسەدى.",
        ug="بىر ئورۇن ۋاقتىدا جاۋاب بەرمىدى. ھەر بىر ئورۇن سىز بىلەن ئايرىم ۋاقىت بېكىتىدۇ.",
    ),
    SurveyFailure.NOBODY_LEFT: Note(
        zh="已没有单位需要共同的上门日期。",
        en="No company needs a common day any more.",
        kk="ورتاق كۇن ەندى ەشبىر مەكەمەگە كەرەك ەمەس.",
        ug="ئورتاق كۈن ئەمدى ھېچبىر ئورۇنغا كېرەك ئەمەس.",
    ),
}
