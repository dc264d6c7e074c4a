// The verifiers of the vendors, each with its key handed in: nothing is fetched.

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));

/** Modules of a package that it does not export. */
const inner = (path) => require(join(here, 'node_modules', path));

const BALANCER =
  'arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188';
const BACKEND = '/projects/123456789012/global/backendServices/4242';

function google({ kid, pem }) {
  const { OAuth2Client } = require('google-auth-library');
  const client = new OAuth2Client();
  return (token) =>
    client.verifySignedJwtWithCertsAsync(token, { [kid]: pem }, BACKEND, ['https://cloud.google.com/iap']);
}

/** As Google's pages have it: the library looks at the token, and its caller at whose it is. */
function googleAccounts({ kid, pem }) {
  const { OAuth2Client } = require('google-auth-library');
  const client = new OAuth2Client();
  const issuers = ['https://accounts.google.com', 'accounts.google.com'];
  return async (token) => {
    const ticket = await client.verifySignedJwtWithCertsAsync(token, { [kid]: pem }, 'https://api.example', issuers);
    const { email, email_verified: verified } = ticket.getPayload();
    if (email !== 'shop@example-project.iam.gserviceaccount.com' || !verified) throw new Error('another account');
  };
}

function aws({ kid, jwk }) {
  const { AlbJwtVerifier } = require('aws-jwt-verify');
  const verifier = AlbJwtVerifier.create({ issuer: 'https://login.example', clientId: 'shop-web', albArn: BALANCER });
  verifier.cacheJwks({ keys: [{ ...jwk, kid, use: 'sig', alg: 'ES256' }] });
  return async (token) => verifier.verifySync(token);
}

function cognito({ kid, jwk }) {
  const { CognitoJwtVerifier } = require('aws-jwt-verify');
  const verifier = CognitoJwtVerifier.create({
    userPoolId: 'eu-central-1_AbCdEf123', tokenUse: 'access', clientId: '4bm1gnhqfo8',
  });
  verifier.cacheJwks({ keys: [{ ...jwk, kid, use: 'sig', alg: 'RS256' }] });
  return async (token) => verifier.verifySync(token);
}

function clerk({ pem }) {
  const { verifyToken } = require('@clerk/backend');
  return async (token) => {
    const settings = { jwtKey: pem, authorizedParties: ['https://shop.example'], clockSkewInMs: 60_000 };
    return verifyToken(token, settings);
  };
}

function firebase({ kid, pem }) {
  const { FirebaseTokenVerifier, ID_TOKEN_INFO } = inner('firebase-admin/lib/auth/token-verifier.js');
  const { PublicKeySignatureVerifier } = inner('firebase-admin/lib/utils/jwt.js');
  const app = { options: { projectId: 'shop-12345' } };
  const verifier = new FirebaseTokenVerifier(
    'https://keys.example', 'https://securetoken.google.com/', ID_TOKEN_INFO, app,
  );
  verifier.signatureVerifier = new PublicKeySignatureVerifier({ fetchPublicKeys: async () => ({ [kid]: pem }) });
  return (token) => verifier.verifyJWT(token);
}

export const VENDORS = {
  'google-auth-library': google,
  'google-auth-library (service accounts)': googleAccounts,
  'aws-jwt-verify': aws,
  'aws-jwt-verify (Cognito)': cognito,
  '@clerk/backend': clerk,
  'firebase-admin': firebase,
};
