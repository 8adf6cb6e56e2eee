"""From settings to sources and senders: which parts there are, never what they do."""

from collections.abc import Coroutine
from ipaddress import ip_network
from typing import Any

import httpx

from channels.chat.hub import ChatHub
from channels.chat.sender import ChatSender
from channels.chat.source import ChatSource
from channels.chat.webhook import GenericWebhook, WebhookInbox
from channels.chat.window import ChatInbox
from channels.email.sender import SmtpAccount, SmtpSender
from channels.email.source import SmtpSettings, SmtpSource
from channels.hotline import source as hotline
from channels.http import HttpSettings, HttpSource
from channels.inbox import utc_now
from channels.sending import Sender
from channels.sms.sender import SmsAccount as SmsRoute
from channels.sms.sender import SmsSender
from channels.sms.source import SmsInbox, TwilioWebhook
from channels.webhook.sender import WebhookSender
from router.counters import Counters
from router.edges.intake import Intake
from router.edges.senders import Account
from router.settings import Config


def senders(config: Config, hub: ChatHub, client: httpx.AsyncClient) -> dict[Account, Sender]:
    """The way out of every account that has one."""
    settings = config.settings
    ways: dict[Account, Sender] = {}
    if settings.email is not None and settings.email.smtp is not None:
        smtp = settings.email.smtp
        for address, account in settings.email.accounts.items():
            ways["email", address] = SmtpSender(
                SmtpAccount(
                    address=address,
                    name=account.name,
                    host=smtp.host,
                    port=smtp.port,
                    username=smtp.username,
                    password=config.secret(smtp.password) if smtp.password else None,
                    use_tls=smtp.use_tls,
                    start_tls=smtp.start_tls,
                    local_hostname=settings.email.hostname,
                )
            )
    for name, sms in settings.sms.items():
        if sms.url is not None:
            password = config.secret(sms.password) if sms.password else None
            route = SmsRoute(
                url=sms.url, number=sms.number or name, username=sms.username, password=password
            )
            ways["sms", name] = SmsSender(route, client)
    for name in settings.chat:
        ways["chat", name] = ChatSender(hub, clock=utc_now)
    return ways


def webhooks(config: Config, client: httpx.AsyncClient) -> WebhookSender:
    """The way out to the URLs of the rulebook's contacts."""
    source = f"switchboard/{config.settings.namespace}"
    return WebhookSender(client, config.secret, clock=utc_now, source=source)


def without_way_out(config: Config) -> dict[str, str]:
    """The accounts whose customers cannot be answered, with the setting that would change it."""
    settings = config.settings
    found: dict[str, str] = {}
    if settings.email is not None and settings.email.smtp is None:
        found |= {f"email/{name}": "email.smtp" for name in settings.email.accounts}
    found |= {f"sms/{name}": f"sms.{name}.url" for name, one in settings.sms.items() if not one.url}
    pushing = (name for name in settings.webhooks if name not in settings.chat)
    return found | {f"webhooks/{name}": f"chat.{name}" for name in pushing}


def channels(config: Config) -> list[str]:
    """The channels that have a source."""
    settings = config.settings
    configured = {
        "email": settings.email,
        "sms": settings.sms,
        "chat": settings.chat or settings.webhooks,
        "hotline": settings.hotline,
    }
    return [name for name, section in configured.items() if section]


def smtp_source(
    config: Config, intake: Intake, proofs: tuple[bytes, ...], counters: Counters
) -> SmtpSource | None:
    """The SMTP listener, if there is a mail account."""
    email = config.settings.email
    if email is None:
        return None
    addresses = {
        address: account
        for account, spec in email.accounts.items()
        for address in (account, *spec.addresses)
    }
    settings = SmtpSettings(
        host=email.listen.host,
        port=email.listen.port,
        accounts=addresses,
        hostname=email.hostname,
        max_bytes=email.max_bytes,
        secrets=proofs,
        own_addresses=tuple(one for one in addresses if not one.startswith("@")),
    )
    return SmtpSource(settings, intake.publisher("smtp"), clock=utc_now, count=counters.add)


def http_source(
    config: Config, intake: Intake, hub: ChatHub, proofs: tuple[bytes, ...], counters: Counters
) -> HttpSource | None:
    """The HTTP listener, if there is an account that comes in by HTTP."""
    settings = config.settings
    if not (settings.sms or settings.chat or settings.webhooks):
        return None
    http = HttpSettings(
        host=settings.http.listen.host,
        port=settings.http.listen.port,
        public_url=settings.http.public_url,
        trusted_proxies=tuple(ip_network(one) for one in settings.http.trusted_proxies),
    )
    common: dict[str, Any] = {"clock": utc_now, "count": counters.add}
    sms = {
        name: SmsInbox(tokens=tuple(map(config.secret, one.tokens)), region=one.region)
        for name, one in settings.sms.items()
    }
    chat = {
        name: ChatInbox(
            secrets=config.secrets(one.secrets) or proofs,
            origins=tuple(one.origins),
            left_after_seconds=one.left_after.total_seconds(),
        )
        for name, one in settings.chat.items()
    }
    webhooks = {
        name: WebhookInbox(secrets=config.secrets(one.secrets), proofs=proofs)
        for name, one in settings.webhooks.items()
    }
    web_chat = ChatSource(chat, hub, intake.publisher("chat"), **common)
    routes = [
        *TwilioWebhook(sms, http, intake.publisher("twilio"), **common).routes(),
        *GenericWebhook(webhooks, http, intake.publisher("webhook"), **common).routes(),
        *web_chat.routes(),
    ]
    return HttpSource(http, routes, {"farewells of the web chat": web_chat.farewells.run})


def hotline_sources(config: Config, intake: Intake) -> dict[str, Coroutine[Any, Any, None]]:
    """What follows each telephone system's `queue_log`, by the name of its task."""
    data = config.path(config.settings.data)
    return {
        f"hotline {name}": hotline.run(
            hotline.QueueLog(
                account=name,
                path=config.path(one.queue_log),
                position_path=data / f"hotline-{name}.position",
                region=one.region,
                since=one.since(utc_now()),
            ),
            intake.publisher(f"hotline/{name}"),
        )
        for name, one in config.settings.hotline.items()
    }
