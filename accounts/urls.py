"""Addresses of the accounts room: logging in and out, the team, dismissing notices."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from accounts import views
from accounts.forms import LoginForm

urlpatterns = [
    path(
        "login/",
        LoginView.as_view(
            template_name="accounts/login.html",
            authentication_form=LoginForm,
            redirect_authenticated_user=True,
        ),
        name="login",
    ),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("team/", views.team_page, name="team"),
    path("notices/<int:pk>/dismiss/", views.dismiss_notice, name="dismiss-notice"),
]
