// What the scripts share: a browser, and pages that are watched for anything that goes wrong in them.
import { createRequire } from "node:module";
import { join } from "node:path";

// The packages are not beside these scripts: the test installs them under the target directory.
export const require = createRequire(join(process.env.TOWER_VGI_BROWSER_PACKAGES, "package.json"));
const { chromium } = require("playwright-core");

export const server = process.env.TOWER_VGI_BROWSER_SERVER;
export const PAGES = { landing: "/", describe: "/describe", "not found": "/nothing/is/here" };
export const SCHEMES = ["light", "dark"];
export const WIDTHS = [400, 1600];

/** Runs `work` with a browser, which is closed whatever happens. */
export async function withBrowser(work) {
  const browser = await chromium.launch({ executablePath: process.env.TOWER_VGI_CHROMIUM });
  try {
    await work(browser);
  } finally {
    await browser.close();
  }
}

/** Opens a page of the server in a context of its own. `problems` grows with all that goes wrong in it. */
export async function open(browser, path, { width = 1600, prepare, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, ...options });
  context.setDefaultTimeout(20_000);
  const problems = [];
  const address = new URL(path, server);
  await context.route("**", (route) => {
    const url = new URL(route.request().url());
    if (url.origin === address.origin) return route.continue();
    problems.push(`a request to elsewhere: ${url}`);
    return route.abort();
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => problems.push(`an error in a script: ${error}`));
  page.on("console", (message) => {
    // The browser itself says so of a page that is not found, which is what this one is for.
    const own = message.location().url === address.href && /status of 404/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !own) problems.push(`on the console: ${message.text()}`);
  });
  if (options.javaScriptEnabled !== false) {
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`the policy forbids ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
  }
  if (prepare) await page.addInitScript(prepare);
  const response = await page.goto(address.href, { waitUntil: "load" });
  return { context, page, response, problems };
}
