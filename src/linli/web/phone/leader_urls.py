"""The leader workbench's addresses."""

from django.urls import path

from linli.web.phone import leading, live, pickup, tasks

app_name = "leader"
urlpatterns = [
    path("", tasks.today, name="today"),
    path("tasks/<int:task_id>/confirm/", tasks.confirm, name="confirm"),
    path("tasks/<int:task_id>/skip/", tasks.skip, name="skip"),
    path("tasks/<int:task_id>/undo/", tasks.undo, name="undo"),
    path("groups/", leading.groups, name="groups"),
    path("groups/<int:group_id>/", live.one, name="group"),
    path("groups/<int:group_id>/poster.svg", live.draw, name="poster"),
    path("pickup/", pickup.desk, name="pickup"),
    path("pickup/hand-over/", pickup.hand_over, name="hand-over"),
    path("me/", leading.me, name="me"),
]
