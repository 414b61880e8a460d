// A page of another origin calls a method, and reads the result and every header that is exposed. What it reads goes to
// the test as JSON.
import assert from "node:assert/strict";
import { server, withBrowser } from "./browser.mjs";

const page_url = process.env.TOWER_VGI_BROWSER_PAGE;
const calls = JSON.parse(process.env.TOWER_VGI_BROWSER_CALLS);

/** In the page: calls a method and tells all that a script may see of the response. */
async function call({ url, body }) {
  const bytes = Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
  const headers = { "content-type": "application/vnd.apache.arrow.stream", "x-request-id": "from-a-page" };
  const response = await fetch(url, { method: "POST", headers, body: bytes });
  const answer = String.fromCharCode(...new Uint8Array(await response.arrayBuffer()));
  return { status: response.status, headers: Object.fromEntries(response.headers), body: btoa(answer) };
}

await withBrowser(async (browser) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const preflights = [];
  // A preflight is not the page's own request: it is seen a level below.
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  session.on("Network.requestWillBeSent", ({ request }) => {
    if (request.method === "OPTIONS") preflights.push(request.url);
  });

  await page.goto(page_url);
  const answers = [];
  for (const { path, body } of calls) answers.push(await page.evaluate(call, { url: server + path, body }));
  assert.deepEqual(preflights, calls.map(({ path }) => server + path), "preflights");

  // The same page under another name is another origin, which may not call.
  await page.goto(page_url.replace("127.0.0.1", "localhost"));
  const [{ path, body }] = calls;
  await assert.rejects(page.evaluate(call, { url: server + path, body }), /Failed to fetch/);
  console.log(JSON.stringify(answers));
});
