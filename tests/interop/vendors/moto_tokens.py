"""Tokens as the user pool of moto writes them at one moment, with what moto takes each for. Prints JSON.

Usage: python moto_tokens.py NOW
"""

import json
import sys
from types import SimpleNamespace
from unittest.mock import patch

import boto3
import requests
from botocore.exceptions import ClientError
from moto import mock_aws

NOW = int(sys.argv[1])
REGION = "eu-central-1"
PASSWORD = "Correct-horse-7"


def is_access_token(cognito, token):
    """Whether moto takes it where an access token must be."""
    try:
        cognito.get_user(AccessToken=token)
    except ClientError:
        return False
    return True


@mock_aws
@patch("moto.cognitoidp.models.time", SimpleNamespace(time=lambda: NOW))
def tokens():
    cognito = boto3.client("cognito-idp", REGION, aws_access_key_id="a", aws_secret_access_key="b")
    pool = cognito.create_user_pool(PoolName="shop")["UserPool"]["Id"]
    client = cognito.create_user_pool_client(UserPoolId=pool, ClientName="web")["UserPoolClient"]["ClientId"]
    cognito.admin_create_user(UserPoolId=pool, Username="alice")
    cognito.admin_set_user_password(UserPoolId=pool, Username="alice", Password=PASSWORD, Permanent=True)
    cognito.create_group(UserPoolId=pool, GroupName="clerks")
    cognito.admin_add_user_to_group(UserPoolId=pool, Username="alice", GroupName="clerks")

    def log_in(**flow):
        return cognito.admin_initiate_auth(UserPoolId=pool, ClientId=client, **flow)["AuthenticationResult"]

    first = log_in(
        AuthFlow="ADMIN_USER_PASSWORD_AUTH", AuthParameters={"USERNAME": "alice", "PASSWORD": PASSWORD}
    )
    again = log_in(AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={"REFRESH_TOKEN": first["RefreshToken"]})
    named = {
        "access token": first["AccessToken"],
        "ID token": first["IdToken"],
        "access token after a refresh": again["AccessToken"],
        "ID token after a refresh": again["IdToken"],
    }
    jwks = requests.get(f"https://cognito-idp.{REGION}.amazonaws.com/{pool}/.well-known/jwks.json")
    return {
        "region": REGION,
        "pool": pool,
        "client": client,
        "now": NOW,
        "jwks": jwks.json(),
        "tokens": [
            {"name": name, "token": token, "is_access_token": is_access_token(cognito, token)}
            for name, token in named.items()
        ],
    }


json.dump(tokens(), sys.stdout, indent=2)
print()
