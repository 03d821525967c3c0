"""The twin of Discord's webhooks.

Every fact on the wire is from `networks.md` of 2026-11-21, sections 1.3, 1.5 and 16, and from the
OpenAPI file of discord/discord-api-spec @74fda0f (2026-07-18). Messages and files are played by
`sandbox.kit.channels`. Everybody here has one webhook, whose number is that of their channel plus
eight. Not played: a webhook without `wait`, whose answer is empty.
"""

from __future__ import annotations

from sandbox.kit.channels import ChannelTwin, no
from sandbox.kit.network import Answer, Person, RefusalError, Request, Scene, as_json, route
from sandbox.kit.store import Document


class DiscordWebhook(ChannelTwin):
    """Discord's webhooks: the address is the key, nothing can be looked up."""

    name = "discord_webhook"
    label = "Discord webhook"
    colour = "#7a84f5"
    hint = "Webhook …/api/webhooks/4242000000000000009/practice-ada"

    def describe(self, name: str, display: str) -> Person:
        known = super().describe(name, display)
        number = int(known.id.rpartition("/")[2]) + 8
        return Person(name, display, known.handle, f"{known.id}/{number}")

    def dialect(self, kind: str, scene: Scene) -> Answer:
        if kind in ("unauthorized", "invalid_grant"):
            return no(404, 10015, "Unknown Webhook")
        return super().dialect(kind, scene)

    def grant(self, person: Person, request: Request) -> Document:
        token = f"practice-{person.name}"
        self.put("grant", token, {"id": token, "person": person.name, "alive": True}, person.name)
        return {"access_token": token}

    def hook(self, request: Request) -> Person:
        """Whose webhook is in the address."""
        self.polite(request)
        number, token = request.params["hook"], request.params["token"]
        known = next((p for p in self.people() if p.id.endswith(f"/{number}")), None)
        state = self.get("grant", token) or {"alive": True}
        if known is None or token != f"practice-{known.name}" or not state["alive"]:
            raise RefusalError(no(404, 10015, "Unknown Webhook"))
        if "id" not in state:
            self.grant(known, request)
        return known

    @route("GET", "/api/v10/webhooks/{hook}/{token}", "token")
    def about(self, request: Request) -> Answer:
        person = self.hook(request)
        guild, channel, number = person.id.split("/")
        known = {"id": number, "name": person.handle, "guild_id": guild, "channel_id": channel}
        return as_json({**known, "type": 1, "avatar": None, "application_id": None})

    @route("POST", "/api/v10/webhooks/{hook}/{token}", "publish")
    def execute(self, request: Request) -> Answer:
        person = self.hook(request)
        post = self.sent(request, person, self.taken(request, person))
        if request.query.get("wait") != "true":
            return Answer(204)
        number = person.id.rpartition("/")[2]
        author = {"id": number, "username": person.handle, "bot": True, "avatar": None}
        shown = self.shown(post, author)
        channel = person.id.split("/")[1]
        return as_json({**shown, "channel_id": channel, "webhook_id": number})

    @route("DELETE", "/api/v10/webhooks/{hook}/{token}/messages/{id}", "delete")
    def delete(self, request: Request) -> Answer:
        return self.taken_back(self.hook(request), request.params["id"])
