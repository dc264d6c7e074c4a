// Every difference to the vendor's SDK that is intended, with its reason. One that is not here fails
// the run, and so does one that is here and does not show.

import { CLIENT } from './tenant.mjs';

const challenge = (error, scope) => `Bearer realm="imfAuthentication", scope="${scope}", error="${error}"`;

/** Our refusals, for an operation that needs these scopes. */
export const invalid = (scope = 'appid_default') => `401 ${challenge('invalid_token', scope)}`;
export const lacking = (scope = 'appid_default', status = 401) => `${status} ${challenge('insufficient_scope', scope)}`;

const unavailable = '503 Retry-After';

/**
 * What all challenges of the SDK differ in from ours. Clients of Mobile Client Access look for this
 * realm with its quotes, those of App ID for `appid`: one header serves both. It is put into the
 * SDK's answers before they are compared.
 */
export const withRealm = (words) => words.replace(/^(\d+ Bearer )(?=scope=)/, '$1realm="imfAuthentication", ');

/** The rest, by case: the SDK's answer, with the realm in it, and ours. */
export const DIFFERENCES = {};

function intended(why, sdk, ours, ...cases) {
  for (const name of cases) {
    if (name in DIFFERENCES) throw new Error(`${name}: listed twice`);
    DIFFERENCES[name] = { why, sdk, ours };
  }
}

intended(
  'another scheme is another scheme; the SDK looks at how the word begins',
  '200', invalid(),
  'a scheme that begins with Bearer',
);
intended(
  'a proxy in between may have read the other one; Node drops all but the first',
  '200', '400 Bearer realm="imfAuthentication", error="invalid_request", error_description="the request has several Authorization fields"',
  'two fields', 'two fields, another scheme second',
);
intended(
  'as above, and 400 says why',
  invalid(), '400 Bearer realm="imfAuthentication", error="invalid_request", error_description="the request has several Authorization fields"',
  'two fields, another scheme first',
);
intended(
  'the documents say that the issuer must be checked; the SDK does not in an API',
  '200', invalid(),
  'another issuer', 'no issuer', 'an issuer in an array', 'an ID token of another issuer',
);
intended(
  'the documents say that the tenant must be checked, and it is what binds a token to the API; the SDK does not look',
  '200', invalid(),
  'another tenant', 'no tenant', 'an ID token of another tenant',
);
intended(
  'it would be good for ever',
  '200', invalid(),
  'no expiry', 'an ID token without expiry',
);
intended('no one would be the subject', '200', invalid(), 'no subject', 'an empty subject');
intended(
  'a date that is none: the issuer is not itself (RFC 7519 section 4.1.6)',
  '200', invalid(),
  'issued in words',
);
intended(
  'RFC 7519 section 4.1.3: strings',
  '200', invalid(),
  'an audience of numbers',
);
intended(
  'RFC 7515 section 4.1.11: what is critical must be understood',
  '200', invalid(),
  'a critical header member',
);
intended(
  'RFC 8725 section 3.11: another kind of token by its own word',
  '200', invalid(),
  'another type',
);
intended(
  'RFC 7519 section 4: which of the two would be meant?',
  '200', invalid(),
  'a claim twice', 'a header member twice',
);
intended(
  'RFC 7800: bound to its sender, and no proof came along',
  '200', invalid(),
  'a token bound to its sender',
);
intended(
  'an ID token by its mark; it is shown to many who may not act for its subject',
  '200', invalid(),
  'an ID token with a scope, in place of the access token',
);
intended(
  'an access token is no ID token: the user would be made of what it happens to say',
  '200', invalid(),
  'an access token in place of the ID token',
);
intended(
  'my access token and another one\'s ID token would make me them; the SDK never compares the two',
  '200', invalid(),
  'an ID token of another user', 'an ID token of another client', 'an ID token without audience',
  'the ID token of another user, after its own access token',
);
intended(
  'RFC 6749 section 3.3: a scope has a character; the SDK finds one that is missing',
  lacking(), invalid(),
  'an empty scope',
);
intended(
  'the audience is looked at before the scopes: a token that is not good grants nothing',
  lacking('appid_default write read'), invalid('appid_default write read'),
  'lacking, with an audience in a string', 'lacking, with a bad ID token',
);
intended(
  'fixed phrases only: the text belongs where scopes are named, and nowhere',
  '401 Bearer realm="imfAuthentication", scope="access token malformed audience array", error="invalid_token"', invalid(),
  'an audience in a string', 'an audience that is an object',
);
intended(
  'as above',
  '401 Bearer realm="imfAuthentication", scope="access token missing audience section", error="invalid_token"', invalid(),
  'no audience', 'an empty audience',
);
intended(
  'no text of a token in an answer, and more scopes would not help',
  `401 Bearer realm="imfAuthentication", scope="audience mismatch. expected:another got:${CLIENT}", error="insufficient_scope"`, invalid(),
  'another audience',
);
intended(
  'as above',
  `401 Bearer realm="imfAuthentication", scope="audience mismatch. expected: got:${CLIENT}", error="insufficient_scope"`, invalid(),
  'an empty array, where an audience is asked for',
);
intended(
  'as above: here the token writes a challenge of its own',
  `401 Bearer realm="imfAuthentication", scope="audience mismatch. expected:x", scope="admin got:${CLIENT}", error="insufficient_scope"`, invalid(),
  'an audience with a challenge in it',
);
intended(
  'as above: Node refuses to send this header, and the SDK then never answers',
  'no answer', invalid(),
  'an audience with a line of its own',
);
intended(
  'what is no token is refused; the SDK\'s decoder throws',
  '500', invalid(),
  'claims that are no JSON',
);
intended(
  'RFC 6750 section 3.1, where it is told so',
  lacking('appid_default write read'), lacking('appid_default write read', 403),
  'one lacking, told to say 403',
);
intended(
  'the token may be good: 401 would send its user to a login, and the SDK takes three seconds to say it',
  invalid(), unavailable,
  'endpoint down: an unknown key', 'endpoint down: a cold start',
);
