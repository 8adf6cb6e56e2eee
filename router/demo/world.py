"""The demo's accounts, and its config folder: written anew for every run, on free ports."""

import secrets
import shutil
from importlib.resources import as_file, files
from pathlib import Path

import yaml

from router.settings import FILE, Config, load

ACCOUNTS = {
    "email": "support@demo.example",
    "sms": "+8610000000",
    "chat": "web",
    "hotline": "pbx",
}
ORIGIN = "http://shop.demo.example"
TOKEN = "the-demo-provider-s-token"  # noqa: S105 - of a provider that exists only in the demo
SECRET = "the-demo-s-own-secret-of-32-bytes"  # noqa: S105 - as above


def config(folder: Path, log: str, *, mail_port: int, sms_port: int) -> Config:
    """Write `folder` and read it, as `switchboard serve` would; on a log of others, a new name."""
    with as_file(files("router") / "demo" / "rulebook") as rulebook:
        shutil.copytree(rulebook, folder / "rulebook", dirs_exist_ok=True)
    with as_file(files("router") / "demo" / "templates") as templates:
        if templates.is_dir():
            shutil.copytree(templates, folder / "templates", dirs_exist_ok=True)
    for name, secret in (("token", TOKEN), ("secret", SECRET)):
        (folder / name).write_text(secret)
    (folder / "queue_log").touch()
    settings = _settings(mail_port, sms_port) | {"log": log}
    if log != "embedded":
        settings["namespace"] = f"demo-{secrets.token_hex(4)}"
    (folder / FILE).write_text(yaml.safe_dump(settings, allow_unicode=True))
    return load(folder)


def _settings(mail_port: int, sms_port: int) -> dict[str, object]:
    anywhere = {"host": "127.0.0.1", "port": 0}
    return {
        "namespace": "demo",
        "domain": "demo.example",
        "secrets": ["file:secret"],
        "kafka": {"replication": 1},
        "http": {"listen": anywhere},
        "email": {
            "listen": anywhere,
            "accounts": {
                ACCOUNTS["email"]: {"name": "Demo support", "addresses": ["@demo.example"]}
            },
            "smtp": {"host": "127.0.0.1", "port": mail_port, "start_tls": False},
        },
        "sms": {
            ACCOUNTS["sms"]: {
                "tokens": ["file:token"],
                "region": "CN",
                "url": f"http://127.0.0.1:{sms_port}/Messages.json",
            }
        },
        # The samples' visitors close their windows, and nobody counts that.
        "chat": {ACCOUNTS["chat"]: {"origins": [ORIGIN], "left_after": "1h"}},
        "hotline": {
            ACCOUNTS["hotline"]: {"queue_log": "queue_log", "region": "CN", "from": "start"}
        },
    }
