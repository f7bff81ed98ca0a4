from django.urls import re_path

from . import views

urlpatterns = [
    re_path("^sync/", views.whoami),
    re_path("^async/", views.whoami_async),
    re_path("^graphql/", views.whoami),
]
