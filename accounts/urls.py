"""Addresses of the accounts room: logging in and out (sign-up and the rest come with allauth)."""

from __future__ import annotations

from django.contrib.auth import views
from django.urls import path

from accounts.forms import LoginForm

urlpatterns = [
    path(
        "login/",
        views.LoginView.as_view(
            template_name="accounts/login.html",
            authentication_form=LoginForm,
            redirect_authenticated_user=True,
        ),
        name="login",
    ),
    path("logout/", views.LogoutView.as_view(), name="logout"),
]
