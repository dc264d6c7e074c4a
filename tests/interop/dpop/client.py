"""requests-oauth2client as a client of the example: prints what it came to as one line of JSON."""

import json
import sys

import requests
from requests_oauth2client import ClientSecretPost, OAuth2Client

issuer, api, resource, client, scope = sys.argv[1:]
client = json.loads(client)

seen = []


class Watching(requests.adapters.HTTPAdapter):
    """Writes down each request and its answer, those too that the library deals with itself."""

    def send(self, request, **kwargs):
        response = super().send(request, **kwargs)
        seen.append((request, response))
        return response


oauth = OAuth2Client(
    f"{issuer}/token",
    auth=ClientSecretPost(client["client_id"], client["client_secret"]),
    dpop_bound_access_tokens=True,
    testing=True,  # plain http, on this machine
)
token = oauth.client_credentials(scope=scope, resource=resource)
session = requests.Session()
session.mount(api, Watching())
bodies = [
    session.request(method, f"{api}{path}", auth=token).json()
    for method, path in [("GET", "/orders"), ("POST", "/orders"), ("GET", "/orders?page=2")]
]
request, _ = seen[-1]
sent = {"Authorization": request.headers["Authorization"], "DPoP": request.headers["DPoP"]}
replayed = requests.get(request.url, headers=sent)
bearer = requests.get(f"{api}/orders", headers={"Authorization": f"Bearer {token.access_token}"})
print(
    json.dumps(
        {
            "jkt": token.dpop_key.dpop_jkt,
            "bodies": bodies,
            "statuses": [response.status_code for _, response in seen],
            "challenge": seen[0][1].headers["WWW-Authenticate"],
            "replayed": replayed.status_code,
            "bearer": bearer.status_code,
        }
    )
)
