// An OpenID provider that is not ours, in the place of Entra: node openid.mjs FOLDER, where FOLDER has
// node_modules. It speaks HTTPS on loopback, keeps everything in memory, and ends with its standard
// input.
//
// In, one a line; each is answered by one line:
//   {"tenant", "certificate", "people": {NAME: ID}, "scopes": []}   begin; the answer tells "url"
//   {"client": {…}}        the application, as OpenID Connect Dynamic Registration 1.0 writes it
//   {"ahead": SECONDS}     how far its clock is ahead of the machine's
//   {"used": "lives"}      a refresh token that was used stays valid, as Entra documents it
//   {"used": "kills"}      it is taken for a stolen one: whoever uses it again ends the session
//   {"used": "stays"}      it is the only one: none takes its place

import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const home = pathToFileURL(join(process.argv[2], "node_modules", "oidc-provider", "lib/"));
const say = (words) => process.stdout.write(`${JSON.stringify(words)}\n`);
console.info = console.warn = console.log = () => {}; // the library gives advice
process.emitWarning = () => {}; // the same, on an old Node
const library = await import(new URL("index.js", home));
const { default: Memory } = await import(new URL("adapters/memory_adapter.js", home));
const { interactionPolicy } = library;

const machine = Date.now;
let ahead = 0;
let used = "lives";
Date.now = () => machine() + ahead * 1000;

class Store extends Memory {
  async consume(id) {
    if (this.model !== "RefreshToken" || used === "kills") await super.consume(id);
  }

  async find(id) {
    // Entra takes an assertion until it expires; the identity's libraries keep it for as long.
    return this.model === "ReplayDetection" ? undefined : super.find(id);
  }
}

const page = (action) => `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in</title></head><body><main>
<h1>Sign in</h1>
<form method="post" action="${action}">
<label>Account<input name="login" type="text"></label>
<button name="button" value="next">Next</button>
<button name="button" value="cancel">Cancel</button>
</form></main></body></html>`;

function configure({ tenant, people, scopes }, prefix) {
  const policy = interactionPolicy.base();
  policy.add(new interactionPolicy.Prompt({ name: "select_account", requestable: true }), 0);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const resource = "urn:azure-devops";
  return {
    adapter: Store,
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), alg: "ES256", use: "sig" }] },
    cookies: { keys: ["a key of one run"] },
    clientAuthMethods: ["private_key_jwt"],
    pkce: { required: () => true },
    scopes: ["openid", "offline_access"],
    claims: { openid: ["sub", "tid", "oid"], profile: ["preferred_username"] },
    conformIdTokenClaims: false,
    findAccount: (_, name) =>
      people[name] && {
        accountId: name,
        claims: () => ({
          sub: `pairwise-${people[name]}`,
          tid: tenant,
          oid: people[name],
          preferred_username: name,
        }),
      },
    interactions: { policy, url: (_, { uid }) => `${prefix}/interaction/${uid}` },
    // Whoever signs in has consented, once and for all.
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client.clientId,
        accountId: oidc.session.accountId,
      });
      grant.addOIDCScope("openid profile offline_access");
      grant.addResourceScope(resource, scopes.join(" "));
      await grant.save();
      return grant;
    },
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: scopes.join(" "),
          audience: resource,
          accessTokenFormat: "jwt",
          accessTokenTTL: 3600,
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
    rotateRefreshToken: () => used !== "stays",
    ttl: { AuthorizationCode: 60, RefreshToken: 90 * 86400, Grant: 365 * 86400 },
  };
}

async function signIn(provider, people, request, response) {
  if (request.method === "GET") {
    await provider.interactionDetails(request, response);
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.end(page(request.originalUrl));
    return;
  }
  const form = new URLSearchParams(await text(request));
  const login = form.get("login").toLowerCase();
  const outcome =
    form.get("button") === "next" && people[login]
      ? { login: { accountId: login }, select_account: {}, consent: {} }
      : { error: "access_denied", error_description: "the sign-in was cancelled" };
  await provider.interactionFinished(request, response, outcome);
}

async function begin(asked) {
  const pem = readFileSync(asked.certificate);
  const server = createServer({ cert: pem, key: pem });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `https://localhost:${server.address().port}`;
  const prefix = `/${asked.tenant}/v2.0`;
  const provider = new library.Provider(`${url}${prefix}`, configure(asked, prefix));
  const callback = provider.callback();
  server.on("request", (request, response) => {
    if (!request.url.startsWith(`${prefix}/`)) {
      response.writeHead(404).end();
      return;
    }
    // A session that lasts is given only to who is asked for consent at each sign-in (OpenID Connect
    // Core 1.0, 11); Entra asks once.
    request.originalUrl = request.url.replace(/\bprompt=select_account\b/, "$&%20consent");
    request.url = request.originalUrl.slice(prefix.length);
    const answered = request.url.startsWith("/interaction/")
      ? signIn(provider, asked.people, request, response)
      : callback(request, response);
    answered.catch((error) => response.writeHead(500).end(String(error)));
  });
  return { url };
}

async function obey(asked) {
  if (asked.tenant) return begin(asked);
  if (asked.client) await new Store("Client").upsert(asked.client.client_id, asked.client);
  ahead = asked.ahead ?? ahead;
  used = asked.used ?? used;
  return {};
}

for await (const line of createInterface({ input: process.stdin })) {
  say(await obey(JSON.parse(line)));
}
process.exit();
