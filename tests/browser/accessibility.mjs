// axe-core finds nothing, whatever the scheme and the width.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { PAGES, SCHEMES, WIDTHS, open, require, withBrowser } from "./browser.mjs";

const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

async function check(page, where) {
  const results = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const found = results.violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map((node) => node.html) }));
  assert.deepEqual(found, [], where);
  assert.ok(results.passes.length > 10, `${where}: only ${results.passes.length} rules were looked at`);
}

await withBrowser(async (browser) => {
  for (const [name, path] of Object.entries(PAGES)) {
    for (const colorScheme of SCHEMES) {
      for (const width of WIDTHS) {
        const where = `${name}, ${colorScheme}, ${width} px`;
        const { context, page } = await open(browser, path, { width, colorScheme });
        await page.evaluate(axe);
        await check(page, where);
        if (name === "describe") {
          await page.getByLabel("Rust").check();
          await page.getByLabel("Find a method").fill("follow");
          await check(page, `${where}, searched`);
        }
        await context.close();
      }
    }
  }
});
