"""The console's addresses."""

from django.urls import path

from linli.web.console import catalog, communities, day, groups, member, members, metrics, orders, playbooks, pyramid, search, system, today

app_name = "console"
urlpatterns = [
    path("", today.today, name="today"),
    path("day/start/", day.start, name="day-start"),
    path("day/again/", day.again, name="day-again"),
    path("day/progress/", day.progress, name="day-progress"),
    path("search/", search.search, name="search"),
    path("members/", members.listing, name="members"),
    path("members/export.csv", members.export, name="members-export"),
    path("members/<int:member_id>/", member.one, name="member"),
    path("playbooks/", playbooks.listing, name="playbooks"),
    path("playbooks/decisions/", playbooks.decisions, name="decisions"),
    path("playbooks/launches/<int:launch_id>/", playbooks.launch, name="launch"),
    path("playbooks/launches/<int:launch_id>/stop/", playbooks.stop, name="launch-stop"),
    path("playbooks/<slug:slug>/", playbooks.one, name="playbook"),
    path("playbooks/<slug:slug>/preview/", playbooks.preview, name="playbook-preview"),
    path("playbooks/<slug:slug>/start/", playbooks.start, name="playbook-start"),
    path("communities/", communities.listing, name="communities"),
    path("groups/", groups.listing, name="groups"),
    path("groups/export.csv", groups.export, name="groups-export"),
    path("groups/<int:group_id>/", groups.one, name="group"),
    path("orders/", orders.listing, name="orders"),
    path("orders/export.csv", orders.export, name="orders-export"),
    path("orders/<uuid:order_id>/", orders.one, name="order"),
    path("goods/", catalog.listing, name="catalog"),
    path("goods/export.<str:form>", catalog.export, name="catalog-export"),
    path("goods/import/", catalog.bring_in, name="catalog-import"),
    path("goods/bulk/", catalog.bulk, name="catalog-bulk"),
    path("goods/undo/", catalog.take_back, name="catalog-undo"),
    path("goods/sku/<slug:code>/", catalog.one, name="sku"),
    path("pyramid/", pyramid.board, name="pyramid"),
    path("pyramid/move/", pyramid.move, name="pyramid-move"),
    path("metrics/", metrics.listing, name="metrics"),
    path("metrics/<slug:key>/", metrics.one, name="metric"),
    path("system/", system.overview, name="system"),
    path("system/audit/", system.audit, name="system-audit"),
    path("system/readers/<str:name>/retry/", system.retry_reader, name="reader-retry"),
    path("system/work/<int:row_id>/again/", system.again, name="work-again"),
]
