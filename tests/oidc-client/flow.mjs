// Walks through the key manager as an application built on openid-client does, and prints what came of each step as JSON.
import * as client from 'openid-client';

const [issuer, clientId, clientSecret, cookie, redirectUri, initialAccessToken] = process.argv.slice(2);
const origin = new URL(issuer).origin;
const decode = (text) => text.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#x2B;', '+').replaceAll('&lt;', '<');

const attempt = async (step) => {
  try {
    await step();
    return 'accepted';
  } catch (error) {
    return error.error ?? error.message;
  }
};

// What the user's browser does: sign-in is there (the cookie), so agree and come back.
const browse = async (url) => {
  let response = await fetch(url, { redirect: 'manual', headers: { cookie } });
  if (response.status === 200) {
    const page = await response.text();
    const action = decode(page.match(/<form method="post" action="([^"]*)"/)[1]);
    const fields = [...page.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
    const body = new URLSearchParams(fields.map(([, name, value]) => [decode(name), decode(value)]));
    body.set('decision', 'yes');
    response = await fetch(new URL(action, origin), { method: 'POST', redirect: 'manual', headers: { cookie, origin }, body });
  }

  return new URL(response.headers.get('location'));
};

const config = await client.discovery(new URL(issuer), clientId, clientSecret);
const pkceCodeVerifier = client.randomPKCECodeVerifier();
const [expectedNonce, expectedState] = [client.randomNonce(), client.randomState()];
const authorization = client.buildAuthorizationUrl(config, {
  redirect_uri: redirectUri,
  scope: 'openid profile offline_access',
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  nonce: expectedNonce,
  state: expectedState,
});
const back = await browse(authorization);
const tokens = await client.authorizationCodeGrant(config, back, {
  pkceCodeVerifier,
  expectedNonce,
  expectedState,
  idTokenExpected: true,
});
const claims = tokens.claims();
const userInfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
const reuse = await attempt(() => client.refreshTokenGrant(config, tokens.refresh_token));
const afterReuse = await attempt(() => client.refreshTokenGrant(config, refreshed.refresh_token));

const own = await client.clientCredentialsGrant(config);
const before = await client.tokenIntrospection(config, own.access_token);
await client.tokenRevocation(config, own.access_token);
const after = await client.tokenIntrospection(config, own.access_token);

const registered = await client.dynamicClientRegistration(
  new URL(issuer),
  { client_name: 'robot', grant_types: ['client_credentials'], redirect_uris: [] },
  undefined,
  { initialAccessToken },
);
const robot = await client.clientCredentialsGrant(registered);

console.log(
  JSON.stringify({
    issuer: config.serverMetadata().issuer,
    subject: claims.sub,
    userName: userInfo.preferred_username,
    rotated: refreshed.refresh_token !== tokens.refresh_token,
    refreshedAccess: refreshed.access_token,
    reuse,
    afterReuse,
    activeBefore: before.active,
    activeAfter: after.active,
    revokedAccess: own.access_token,
    registeredClient: registered.clientMetadata().client_id,
    robotAccess: robot.access_token,
  }),
);
