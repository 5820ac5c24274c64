// An identity provider on loopback: `node issuer.cjs SETTINGS`, JSON with `key` and `certificate` (files)
// where it speaks TLS. It tells its port in a line of JSON. Any password is right.

const { generateKeyPairSync } = require("node:crypto");
const { readFileSync } = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const { pathToFileURL } = require("node:url");

const settings = JSON.parse(process.argv[2]);

/** Whose groups are which, people and programs. */
const GROUPS = {
  ann: ["everybody", "egress-auditors"],
  eve: ["everybody"],
  robot: ["egress-admins"],
  meter: ["egress-viewers"],
};

/** One key of each kind; that of RSA signs in both ways. */
function keys() {
  const kinds = [
    ["rsa", { modulusLength: 2048 }],
    ["ec", { namedCurve: "P-256" }],
    ["ed25519", {}],
  ];
  return kinds.map(([kind, options]) => ({
    ...generateKeyPairSync(kind, options).privateKey.export({ format: "jwk" }),
    kid: kind,
    use: "sig",
  }));
}

const program = (client_id) => ({
  client_id,
  client_secret: "a secret: 100%",
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
});

const configuration = {
  clients: [
    { ...program("post"), grant_types: ["authorization_code"], response_types: ["code"], redirect_uris: ["https://post.example/oidc/callback"] },
    program("robot"),
    program("meter"),
    program("nobody"),
  ],
  jwks: { keys: keys() },
  cookies: { keys: ["of a test"] },
  scopes: ["openid", "groups"],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["preferred_username"], groups: ["groups"] },
  pkce: { required: () => true },
  features: {
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // The audience and the way of signing stand in the name of what is asked for.
      getResourceServerInfo: (_, resource) => {
        const [, audience, alg] = new URL(resource).pathname.split("/");
        return { scope: "", audience, accessTokenTTL: 600, accessTokenFormat: "jwt", jwt: { sign: { alg } } };
      },
    },
  },
  extraTokenClaims: (_, token) => ({ groups: GROUPS[token.clientId] }),
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@corp.example`, email_verified: true, preferred_username: id, groups: GROUPS[id] }),
  }),
  // Nobody is asked whether this program may know who they are: it is the company's own.
  loadExistingGrant: async (ctx) => {
    const { provider, client, session } = ctx.oidc;
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid email profile groups");
    await grant.save();
    return grant;
  },
};

async function main() {
  // It warns of what nobody should do who is no test, and nobody reads on after the port.
  console.info = console.warn = () => {};
  const { Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));
  const secure = Boolean(settings.key);
  const server = secure
    ? https.createServer({ key: readFileSync(settings.key), cert: readFileSync(settings.certificate) })
    : http.createServer();
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    const provider = new Provider(`${secure ? "https" : "http"}://127.0.0.1:${port}`, configuration);
    // The port of the listener that is tested is the system's to choose.
    provider.Client.prototype.redirectUriAllowed = (uri) =>
      /^https?:\/\/(post\.example|127\.0\.0\.1)(:\d+)?\/oidc\/callback$/.test(uri);
    provider.on("server_error", (_, error) => console.error(error));
    server.on("request", provider.callback());
    console.log(JSON.stringify({ port }));
  });
}

main();
