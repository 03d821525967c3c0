"""Addresses of the posting room."""

from __future__ import annotations

from django.urls import path

from integrations.storage.disk import FILES, UPLOADS
from posting import api, views

urlpatterns = [
    path("", views.post_list, name="posts"),
    path("posts/new/", views.new_post, name="new-post"),
    path("posts/late/", views.late_posts, name="late-posts"),
    path("posts/<int:pk>/", views.post_page, name="post"),
    path("posts/<int:pk>/results/", views.post_results, name="post-results"),
    path("posts/<int:pk>/cancel/", views.cancel_post, name="cancel-post"),
    path("posts/<int:pk>/cancel/<int:result>/", views.cancel_post, name="cancel-result"),
    path("posts/<int:pk>/edit/", views.edit_post, name="edit-post"),
    path("posts/<int:pk>/skip/", views.skip_late, name="skip-late"),
    path("posts/<int:pk>/again/", views.try_post_again, name="try-again"),
    path("posts/<int:pk>/confirm/<int:result>/", views.confirm_result, name="confirm-result"),
    path("api/uploads/credentials/", api.upload_credentials, name="upload-credentials"),
    path("api/uploads/confirm/", api.upload_confirm, name="upload-confirm"),
    path(f"{UPLOADS}<str:policy>/", api.local_upload, name="local-upload"),
    path(f"{FILES}<str:signature>/", api.kept_file, name="kept-file"),
    path("uploads/<int:pk>/thumbnail/", api.thumbnail, name="thumbnail"),
]
