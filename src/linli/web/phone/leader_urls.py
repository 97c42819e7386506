"""The leader workbench's addresses."""

from django.urls import path

from linli.web.phone import aftersale, earnings, leading, live, opening, pickup, tasks

app_name = "leader"
urlpatterns = [
    path("", tasks.today, name="today"),
    path("tasks/<int:task_id>/confirm/", tasks.confirm, name="confirm"),
    path("tasks/<int:task_id>/skip/", tasks.skip, name="skip"),
    path("tasks/<int:task_id>/undo/", tasks.undo, name="undo"),
    path("groups/", leading.groups, name="groups"),
    path("groups/<int:group_id>/", live.one, name="group"),
    path("groups/<int:group_id>/poster.svg", live.draw, name="poster"),
    path("open/", opening.listing, name="open"),
    path("open/<slug:slug>/", opening.one, name="open-one"),
    path("pickup/", pickup.desk, name="pickup"),
    path("pickup/hand-over/", pickup.hand_over, name="hand-over"),
    path("pickup/short/", pickup.short, name="short"),
    path("pickup/difference/<uuid:trade_in_id>/", pickup.difference, name="difference"),
    path("weigh/", aftersale.weigh, name="weigh"),
    path("aftersale/", aftersale.leader_desk, name="aftersale"),
    path("aftersale/spot/", aftersale.spot, name="spot"),
    path("aftersale/<uuid:aftersale_id>/settle/", aftersale.settle, name="aftersale-settle"),
    path("earnings/", earnings.earnings, name="earnings"),
    path("earnings/statement.csv", earnings.export, name="statement"),
    path("earnings/withdraw/", earnings.withdraw, name="withdraw"),
    path("me/", leading.me, name="me"),
]
