// The vendor's package as its README has it, in front of one route that answers with the security
// context. VCAP_SERVICES is read when the strategy is made. SCOPE: the scopes it is told to require,
// separated by commas as it wants them.

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const express = require('express');
const passport = require('passport');
const { MCABackendStrategy } = require('bms-mca-token-validation-strategy');

passport.use(new MCABackendStrategy());

const app = express();
app.use(passport.initialize());
app.get(
  '/orders',
  passport.authenticate('mca-backend-strategy', { session: false, scope: process.env.SCOPE || undefined }),
  (request, response) => response.json({ context: request.securityContext }),
);
const server = app.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
