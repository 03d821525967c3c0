"""Addresses of the accounts room: logging in and out, settings, the team, its activity."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from accounts import views
from accounts.access import nobody_yet
from accounts.forms import LoginForm

urlpatterns = [
    path(
        "login/",
        LoginView.as_view(
            template_name="accounts/login.html",
            authentication_form=LoginForm,
            redirect_authenticated_user=True,
            extra_context={"nobody_yet": nobody_yet},
        ),
        name="login",
    ),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("settings/", views.settings_page, name="settings"),
    path("settings/team-zone/", views.team_zone, name="team-zone"),
    path("activity/", views.activity_page, name="activity"),
    path("team/", views.team_page, name="team"),
    path("team/switch/", views.switch_team, name="switch-team"),
    path("notices/<int:pk>/dismiss/", views.dismiss_notice, name="dismiss-notice"),
]
