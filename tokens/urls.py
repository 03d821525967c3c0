"""Addresses of the tokens room: accounts, connecting, coming back, and what can be done to one."""

from __future__ import annotations

from django.urls import path

from tokens import views

urlpatterns = [
    path("accounts/", views.account_list, name="accounts"),
    path("accounts/connect/<slug:name>/", views.connect, name="connect"),
    path("accounts/callback/", views.callback, name="connect-callback"),
    path("oauth/<slug:name>.json", views.client_document, name="client-document"),
    path("accounts/choose/<uuid:key>/", views.choose_accounts, name="choose-accounts"),
    path("accounts/choose/<uuid:key>/leave/", views.leave_choice, name="leave-choice"),
    path("accounts/renew/", views.renew_due, name="renew-due"),
    path("accounts/<int:pk>/renew/", views.renew_account, name="renew-account"),
    path("accounts/<int:pk>/pause/", views.pause_account, name="pause-account"),
    path("accounts/<int:pk>/resume/", views.resume_account, name="resume-account"),
    path("accounts/<int:pk>/disconnect/", views.disconnect_account, name="disconnect-account"),
]
