"""Records of an AT Protocol server under keys of the sender's choice, and the blobs they show.

From `networks.md` of 2026-11-21, section 13 (Publish, Limits), and the lexicons that its section
1.1 names. The size of pictures is that of older servers (1 MB). Records of others are not checked
when they are answered, as the reference server does not.
"""

from __future__ import annotations

from hashlib import sha256

from sandbox.kit.atproto import (
    POST,
    accepted,
    base32,
    cid_of,
    is_tid,
    refuse,
    tid,
)
from sandbox.kit.atproto_oauth import BoundTwin
from sandbox.kit.network import Answer, Person, Request, as_json, route
from sandbox.kit.shelf import Sight, Sort
from sandbox.kit.store import Document

PICTURES = Sort(("image/jpeg", "image/png", "image/webp", "image/gif"), 1_000_000)
MOST = 4


class RecordsTwin(BoundTwin):
    """A server that keeps records."""

    def who(self, request: Request) -> Person:
        """Whose access token this is."""
        raise NotImplementedError(f"{type(self).__name__}.who")

    @route("POST", "/xrpc/com.atproto.repo.putRecord", "publish")
    def put_record(self, request: Request) -> Answer:
        person, asked = self.who(request), request.json()
        collection, record = accepted((person.id, person.handle), asked)
        rkey = str(asked.get("rkey", ""))
        if not rkey or (collection == POST and not is_tid(rkey)):
            raise refuse(400, "InvalidRequest", "Invalid record key")
        before = self.get("record", f"{person.id}/{collection}/{rkey}")
        found = {part: before[part] for part in ("uri", "cid")} if before else None
        # As in the reference server, the no-op is looked for before the swap is.
        if found and found["cid"] == cid_of(record):
            return as_json({**found, "validationStatus": "valid"})
        if "swapRecord" in asked and asked["swapRecord"] != (found["cid"] if found else None):
            raise refuse(400, "InvalidSwap", "Record was at another version")
        return self.write(person, collection, rkey, record, request.at)

    @route("POST", "/xrpc/com.atproto.repo.createRecord", "publish")
    def create_record(self, request: Request) -> Answer:
        person, asked = self.who(request), request.json()
        collection, record = accepted((person.id, person.handle), asked)
        rkey = str(asked.get("rkey") or tid(self.store.next_number(self.name, request.at)))
        if self.get("record", f"{person.id}/{collection}/{rkey}"):
            raise refuse(500, "InternalServerError", "There is already a value at key")
        return self.write(person, collection, rkey, record, request.at)

    def write(
        self, person: Person, collection: str, rkey: str, record: Document, at: float
    ) -> Answer:
        """Keep a record; a post also goes up on the board."""
        uri = f"at://{person.id}/{collection}/{rkey}"
        shown = self.around(person, record, at) if collection == POST else {}
        known = {"uri": uri, "cid": cid_of(record)}
        owner = f"{person.id}/{collection}"
        self.put("record", f"{owner}/{rkey}", {**known, "rkey": rkey, "value": record}, owner)
        if collection == POST:
            path = f"/profile/{person.handle}/post/{rkey}"
            more = {"key": rkey, "created_at": record["createdAt"], **shown}
            self.receive(person, uri, record["text"], path, at, **more)
        commit = {"cid": cid_of([uri, at]), "rev": tid(self.store.next_number(self.name, at))}
        return as_json({**known, "commit": commit, "validationStatus": "valid"})

    def around(self, person: Person, record: Document, at: float) -> Document:
        """What a post shows beside its text, once it is found to be in order."""
        embed, reply = record.get("embed") or {}, record.get("reply")
        images = embed.get("images", []) if embed.get("$type") == "app.bsky.embed.images" else []
        if len(images) > MOST:
            raise refuse(
                400, "InvalidRequest", f"Record/embed/images must not have more than {MOST}"
            )
        for end in ("root", "parent") if reply else ():
            if not all((reply or {}).get(end, {}).get(part) for part in ("uri", "cid")):
                raise refuse(400, "InvalidRequest", f"Record/reply/{end} must have uri and cid")
        media = [self.blob(person, one, at) for one in images]
        card = embed.get("external", {})
        return {
            "media": media,
            "reply_to": reply["parent"]["uri"] if reply else "",
            "link": str(card.get("uri", "")),
        }

    def blob(self, person: Person, image: Document, at: float) -> Document:
        """The picture behind a reference; what it may be is judged when it is referred to."""
        blob = image.get("image", {})
        name = str(blob.get("ref", {}).get("$link", ""))
        found = self.shelf.get(name, person.id, at)
        if found is None:
            raise refuse(400, "BlobNotFound", f"Could not find blob: {name}")
        fault = PICTURES.fault(Sight(str(blob.get("mimeType"))), found["size"])
        if fault == "size" or blob.get("size") != found["size"]:
            raise refuse(400, "BlobTooLarge", f"This file is too large: {found['size']}")
        if fault or found["mime"] not in PICTURES.types or not isinstance(image.get("alt"), str):
            raise refuse(400, "InvalidMimeType", "Wrong mimetype of blob")
        return {**found, "alt": image["alt"]}

    @route("POST", "/xrpc/com.atproto.repo.uploadBlob", "upload")
    def upload_blob(self, request: Request) -> Answer:
        person, data = self.who(request), request.body
        if not data:
            raise refuse(400, "InvalidRequest", "A request body was expected but none was provided")
        name = "b" + base32(b"\x01\x55\x12\x20" + sha256(data).digest())
        self.shelf.put(name, person.id, data, request.at)
        kind = request.headers.get("content-type", "")
        known = {"$type": "blob", "ref": {"$link": name}, "mimeType": kind, "size": len(data)}
        return as_json({"blob": known})

    @route("POST", "/xrpc/com.atproto.repo.deleteRecord", "delete")
    def delete_record(self, request: Request) -> Answer:
        person, asked = self.who(request), request.json()
        collection, rkey = str(asked.get("collection")), str(asked.get("rkey"))
        self.store.drop(self.name, "record", f"{person.id}/{collection}/{rkey}")
        self.board.take_down(self.name, f"at://{person.id}/{collection}/{rkey}")
        return as_json({})

    @route("GET", "/xrpc/com.atproto.repo.getRecord", "find")
    def get_record(self, request: Request) -> Answer:
        owner, asked = self.repo(request), request.query
        record = self.get("record", f"{owner}/{asked.get('rkey', '')}")
        if record is None:
            raise refuse(400, "RecordNotFound", "Could not locate record")
        return as_json({part: record[part] for part in ("uri", "cid", "value")})

    @route("GET", "/xrpc/com.atproto.repo.listRecords", "find")
    def list_records(self, request: Request) -> Answer:
        limit = request.query.get("limit", "50")
        most = int(limit) if limit.isdigit() else 50
        found = self.store.owned(self.name, "record", self.repo(request))
        newest = sorted(found, key=lambda r: str(r["rkey"]), reverse=True)[:most]
        records = [{part: r[part] for part in ("uri", "cid", "value")} for r in newest]
        return as_json({"records": records})

    def repo(self, request: Request) -> str:
        """The repository and collection that a look-up names."""
        person = self.person_by(request.query.get("repo", ""))
        if person is None:
            raise refuse(400, "InvalidRequest", "Could not find repo")
        return f"{person.id}/{request.query.get('collection', '')}"
