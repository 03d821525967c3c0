"""The twin of Discord's API for bots.

Every fact on the wire is from `networks.md` of 2026-11-21, sections 1.3, 1.5 and 16, and from the
OpenAPI file of discord/discord-api-spec @74fda0f (2026-07-18). Messages and files are played by
`sandbox.kit.channels`. "A few minutes" is all that is told about the nonce; three are played.
Everybody here owns a bot and one channel that it may speak in.
"""

from __future__ import annotations

from sandbox.kit.channels import ChannelTwin, bad, no
from sandbox.kit.network import (
    Answer,
    Person,
    RefusalError,
    Request,
    Scene,
    as_json,
    number_of,
    route,
)
from sandbox.kit.store import Document

NONCE_S = 180


class Discord(ChannelTwin):
    """Discord for bots: a nonce brings the same message back, the channel can be read."""

    name = "discord"
    label = "Discord"
    colour = "#5865f2"
    hint = "Bot token practice.ada.token-of-a-bot, channel 4242000000000000001."

    # Bots

    def grant(self, person: Person, request: Request) -> Document:
        token = f"practice.{person.name}.token-of-a-bot"
        self.put("grant", token, {"id": token, "person": person.name, "alive": True}, person.name)
        return {"access_token": token}

    def bot(self, request: Request) -> Person:
        """Whose bot speaks."""
        self.polite(request)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        name = token.removeprefix("practice.").removesuffix(".token-of-a-bot")
        person = next((p for p in self.people() if p.name == name and name != token), None)
        known = self.get("grant", token) or {"alive": True}
        if scheme != "Bot" or person is None or not known["alive"]:
            raise RefusalError(self.dialect("unauthorized", Scene(request)))
        if "id" not in known:
            self.grant(person, request)
        return person

    def channel(self, request: Request) -> Person:
        """The channel in the address, which must be one that the bot may see."""
        bot, wanted = self.bot(request), request.params["channel"]
        known = next((p for p in self.people() if p.id.endswith(f"/{wanted}")), None)
        if known is None:
            raise RefusalError(self.dialect("forbidden", Scene(request)))
        if known.id != bot.id:
            raise RefusalError(self.dialect("no_access", Scene(request)))
        return known

    def user(self, person: Person) -> Document:
        """A bot as the API shows it."""
        known = {"id": number_of(person.name), "username": f"{person.name}-bot", "bot": True}
        return {**known, "discriminator": "0", "global_name": None, "avatar": None}

    @route("GET", "/api/v10/users/@me", "token")
    def me(self, request: Request) -> Answer:
        return as_json(self.user(self.bot(request)))

    @route("GET", "/api/v10/channels/{channel}", "identity")
    def about(self, request: Request) -> Answer:
        person = self.channel(request)
        guild, _, channel = person.id.partition("/")
        known = {"id": channel, "guild_id": guild, "name": person.handle}
        return as_json({**known, "type": 0, "flags": 0, "position": 0})

    # Messages

    @route("POST", "/api/v10/channels/{channel}/messages", "publish")
    def create(self, request: Request) -> Answer:
        person = self.channel(request)
        asked = self.taken(request, person)
        nonce = str(asked.get("nonce", ""))
        if len(nonce) > 25:
            raise bad("nonce must be 25 or fewer in length.")
        before = self.get("nonce", f"{person.id}:{nonce}") or {"id": "", "at": 0}
        recent = asked.get("enforce_nonce") and before["at"] + NONCE_S > request.at
        if recent and (post := self.board.post(self.name, before["id"])):
            return as_json(self.shown(post, self.user(person)))
        above = str((asked.get("message_reference") or {}).get("message_id", ""))
        answered = self.board.post(self.name, above) if above else None
        if above and (answered is None or answered["account"] != person.id):
            raise bad("Unknown message")
        post = self.sent(request, person, asked, reply_to=above)
        self.put("nonce", f"{person.id}:{nonce}", {"id": post["id"], "at": request.at})
        return as_json({**self.shown(post, self.user(person)), "nonce": nonce})

    @route("GET", "/api/v10/channels/{channel}/messages", "find")
    def listing(self, request: Request) -> Answer:
        person, limit = self.channel(request), request.query.get("limit", "50")
        if not limit.isdigit() or not 1 <= int(limit) <= 100:
            return no(400, 50035, "Invalid Form Body: limit is not between 1 and 100")
        posts = self.board.of(self.name, person.id, int(limit))
        return as_json([self.shown(post, self.user(person)) for post in posts])

    @route("DELETE", "/api/v10/channels/{channel}/messages/{id}", "delete")
    def delete(self, request: Request) -> Answer:
        return self.taken_back(self.channel(request), request.params["id"])
