"""Addresses of the posting room."""

from __future__ import annotations

from django.urls import path

from posting import views

urlpatterns = [
    path("", views.post_list, name="posts"),
    path("posts/new/", views.new_post, name="new-post"),
    path("posts/<int:pk>/", views.post_page, name="post"),
    path("posts/<int:pk>/results/", views.post_results, name="post-results"),
    path("posts/<int:pk>/cancel/", views.cancel_post, name="cancel-post"),
    path("posts/<int:pk>/again/", views.try_post_again, name="try-again"),
    path("posts/<int:pk>/confirm/<int:result>/", views.confirm_result, name="confirm-result"),
]
