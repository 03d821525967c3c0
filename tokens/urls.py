"""Addresses of the tokens room: accounts, connecting, coming back."""

from __future__ import annotations

from django.urls import path

from tokens import views

urlpatterns = [
    path("accounts/", views.account_list, name="accounts"),
    path("accounts/connect/<slug:name>/", views.connect, name="connect"),
    path("accounts/callback/", views.callback, name="connect-callback"),
]
