"""The surfaces' addresses."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from linli.web import signin
from linli.web.access import allow

urlpatterns: list[URLPattern | URLResolver] = [
    path("", signin.home, name="home"),
    path("signin/", signin.signin, name="signin"),
    path("signin/code/", signin.code, name="signin-code"),
    path("signin/as/", signin.as_face, name="signin-as"),
    path("signout/", signin.signout, name="signout"),
    path("sandbox/inbox/", signin.inbox, name="sandbox-inbox"),
    path("language/", allow("anyone")(set_language), name="set_language"),
    path("console/", include("linli.web.console.urls")),
]
# The phone surfaces are folders of their own; while one is being written the others still open.
for prefix, module in (("shop/", "phone.shop_urls"), ("leader/", "phone.leader_urls"), ("api/", "api.urls")):
    try:
        if find_spec(f"linli.web.{module}"):
            urlpatterns.append(path(prefix, include(f"linli.web.{module}")))
    except ModuleNotFoundError:
        continue

handler403 = "linli.web.signin.error_403"
