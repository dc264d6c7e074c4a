"""PyPI `mcp`: the version of 2025-11-25, or with --modern that of 2026-07-28."""

import argparse
import asyncio
import json
from urllib.parse import parse_qs, urlsplit

from httpx2 import AsyncClient, Timeout
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata

REDIRECT_URI = "http://127.0.0.1:1/callback"


class Memory:
    """Keeps what the provider is given."""

    tokens = None
    client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


def login(url, browser):
    """The provider of the SDK's own flow with a login."""
    ends_at = None

    async def redirect(address):
        nonlocal ends_at
        async with AsyncClient(timeout=10) as client:
            response = await client.get(browser, params={"url": address})
            ends_at = response.raise_for_status().text

    async def callback():
        found = {name: values[0] for name, values in parse_qs(urlsplit(ends_at).query).items()}
        return AuthorizationCodeResult(code=found["code"], state=found.get("state"), iss=found.get("iss"))

    metadata = OAuthClientMetadata(
        client_name="interop", redirect_uris=[REDIRECT_URI], token_endpoint_auth_method="none"
    )
    return OAuthClientProvider(url, metadata, Memory(), redirect, callback)


def with_secret(url, secret, issuer):
    return ClientCredentialsOAuthProvider(
        url, Memory(), "demo", secret, token_endpoint_auth_method="client_secret_post", issuer=issuer
    )


async def main(flags):
    if flags.client_secret:
        auth = with_secret(flags.url, flags.client_secret, flags.issuer)
    else:
        auth = login(flags.url, flags.browser)
    async with AsyncClient(auth=auth, timeout=Timeout(10, read=None)) as http:
        transport = streamable_http_client(flags.url, http_client=http)
        async with Client(transport, mode="2026-07-28" if flags.modern else "legacy", cache=None) as client:

            async def tools():
                return sorted(tool.name for tool in (await client.list_tools()).tools)

            async def call(name):
                result = await client.call_tool(name, {"order": 7})
                return "".join(content.text for content in result.content)

            report = {"tools": await tools(), "listed": await call("list_orders")}
            report["cancelled"] = await call("cancel_order")
            report["tools_after"] = await tools()
    print(json.dumps(report))


parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("--browser")
parser.add_argument("--client-secret")
parser.add_argument("--issuer")
parser.add_argument("--modern", action="store_true")
asyncio.run(main(parser.parse_args()))
