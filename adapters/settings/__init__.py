"""Workspace, settings and secrets: the configuration of an installation.

DAG files load it at parse time, so nothing heavy is imported here. Environment variables are read in
`adapters.settings.environment` and nowhere else.
"""

from __future__ import annotations

from adapters.settings.connections import Connection, connections_env, local_connection, parse_connection
from adapters.settings.environment import Environment, actor, environment
from adapters.settings.faults import Fault
from adapters.settings.load import check, load
from adapters.settings.model import (
    BodySettings,
    Config,
    ConsoleSettings,
    InboxSettings,
    InboxSource,
    Settings,
    UploadSource,
)
from adapters.settings.references import Connections, channel_key, registry_url, resolve
from adapters.settings.secrets import Secret
from adapters.settings.workspace import Workspace
from adapters.settings.write import write_config, write_provider

__all__ = [
    "BodySettings",
    "Config",
    "Connection",
    "Connections",
    "ConsoleSettings",
    "Environment",
    "Fault",
    "InboxSettings",
    "InboxSource",
    "Secret",
    "Settings",
    "UploadSource",
    "Workspace",
    "actor",
    "channel_key",
    "check",
    "connections_env",
    "environment",
    "load",
    "local_connection",
    "parse_connection",
    "registry_url",
    "resolve",
    "write_config",
    "write_provider",
]
