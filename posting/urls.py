"""Addresses of the posting room."""

from __future__ import annotations

from django.urls import path

from integrations.storage.disk import FILES, UPLOADS
from posting import api
from posting.views import bulk, calendar, compose, home, listing, posts, queue

urlpatterns = [
    path("", home.home, name="home"),
    path("posts/", listing.post_list, name="posts"),
    path("posts/export.csv", listing.export_posts, name="export-posts"),
    path("posts/causes/", home.cause_list, name="causes"),
    path("posts/causes/release/", home.release_cause, name="release"),
    path("posts/new/", compose.new_post, name="new-post"),
    path("posts/rules/", compose.rules_table, name="rules"),
    path("posts/split/", compose.split_text, name="split-text"),
    path("posts/look/", compose.look_post, name="look-post"),
    path("drafts/", compose.draft_list, name="drafts"),
    path("drafts/save/", api.save_draft, name="save-draft"),
    path("drafts/kept/<uuid:key>/", api.kept_draft, name="kept-draft"),
    path("drafts/<int:pk>/", compose.draft_page, name="draft"),
    path("drafts/<int:pk>/discard/", compose.discard_draft, name="discard-draft"),
    path("posts/late/", posts.late_posts, name="late-posts"),
    path("posts/bulk/", bulk.bulk_posts, name="bulk-posts"),
    path("posts/undo/<uuid:token>/", calendar.undo_act, name="undo"),
    path("posts/<int:pk>/move/", calendar.move_post, name="move-post"),
    path("posts/<int:pk>/drag/", calendar.drag_post, name="drag-post"),
    path("calendar/", calendar.calendar_page, name="calendar"),
    path("queue/", queue.queue_page, name="queue"),
    path("queue/<int:pk>/slots/", queue.add_slots, name="add-slots"),
    path("queue/<int:pk>/shuffle/", queue.shuffle_queue, name="shuffle-queue"),
    path("queue/<int:pk>/switch/", queue.switch_queue, name="switch-queue"),
    path("queue/slots/<int:pk>/remove/", queue.remove_slot, name="remove-slot"),
    path("queue/results/<int:pk>/drag/", queue.drag_result, name="drag-result"),
    path("posts/<int:pk>/", posts.post_page, name="post"),
    path("posts/<int:pk>/results/", posts.post_results, name="post-results"),
    path("posts/<int:pk>/cancel/", posts.cancel_post, name="cancel-post"),
    path("posts/<int:pk>/cancel/<int:result>/", posts.cancel_post, name="cancel-result"),
    path("posts/<int:pk>/edit/", posts.edit_post, name="edit-post"),
    path("posts/<int:pk>/skip/", posts.skip_late, name="skip-late"),
    path("posts/<int:pk>/again/", posts.try_post_again, name="try-again"),
    path("posts/<int:pk>/again/<int:result>/", posts.try_post_again, name="try-result"),
    path("posts/<int:pk>/copy/", posts.copy_post, name="copy-post"),
    path("posts/<int:pk>/confirm/<int:result>/", posts.confirm_result, name="confirm-result"),
    path("api/uploads/credentials/", api.upload_credentials, name="upload-credentials"),
    path("api/uploads/confirm/", api.upload_confirm, name="upload-confirm"),
    path(f"{UPLOADS}<str:policy>/", api.local_upload, name="local-upload"),
    path(f"{FILES}<str:signature>/", api.kept_file, name="kept-file"),
    path("uploads/<int:pk>/thumbnail/", api.thumbnail, name="thumbnail"),
]
