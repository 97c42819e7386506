"""The surfaces' addresses."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from linli.web import photos, signin
from linli.web.access import allow
from linli.web.later import later

urlpatterns: list[URLPattern | URLResolver] = [
    path("", signin.home, name="home"),
    path("signin/", signin.signin, name="signin"),
    path("signin/code/", signin.code, name="signin-code"),
    path("signin/wechat/", signin.mini, name="signin-wechat"),
    path("signin/as/", signin.as_face, name="signin-as"),
    path("signout/", signin.signout, name="signout"),
    path("sandbox/inbox/", signin.inbox, name="sandbox-inbox"),
    path("language/", allow("anyone")(set_language), name="set_language"),
    path("photos/<uuid:photo_id>.jpg", photos.photo, name="aftersale-photo"),
    later("console/", "linli.web.console.urls", "console"),
    later("shop/", "linli.web.phone.shop_urls", "shop"),
    later("partner/", "linli.web.partner.urls", "partner"),
    later("leader/", "linli.web.phone.leader_urls", "leader"),
    path("api/", include("linli.web.api.urls")),
]
handler403 = "linli.web.signin.error_403"
