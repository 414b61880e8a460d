// Every page, in both schemes, in a narrow and in a wide window: nothing goes wrong, nothing is asked of anybody else.
import assert from "node:assert/strict";
import { PAGES, SCHEMES, WIDTHS, open, withBrowser } from "./browser.mjs";

const EXPECTED = {
  landing: { status: 200, title: "Warehouse — vgi-rpc", heading: "Warehouse 1.4.0" },
  describe: { status: 200, title: "Warehouse API — vgi-rpc", heading: "Warehouse API" },
  "not found": { status: 404, title: "Not found — Warehouse — vgi-rpc", heading: "Nothing is here" },
};

await withBrowser(async (browser) => {
  const backgrounds = {};
  for (const [name, path] of Object.entries(PAGES)) {
    for (const colorScheme of SCHEMES) {
      for (const width of WIDTHS) {
        const where = `${name}, ${colorScheme}, ${width} px`;
        const { context, page, response, problems } = await open(browser, path, { width, colorScheme });
        const { status, title, heading } = EXPECTED[name];
        assert.equal(response.status(), status, where);
        // Texts of the service that tried to do harm would have changed it.
        assert.equal(await page.title(), title, where);
        assert.equal(await page.locator("h1").innerText(), heading, where);
        const [wanted, visible] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
        assert.ok(wanted <= visible, `${where}: ${wanted} px wide`);
        backgrounds[colorScheme] = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        assert.deepEqual(problems, [], where);
        await context.close();
      }
    }
  }
  assert.notEqual(backgrounds.light, backgrounds.dark);

  // Without scripts there is the same list, and no control that would do nothing.
  const { context, page } = await open(browser, PAGES.describe, { javaScriptEnabled: false });
  assert.equal(await page.locator("article:visible").count(), 10);
  assert.equal(await page.locator("input[type=search]:visible, button:visible").count(), 0);
  // The language of the examples needs none.
  const examples = (language) => page.locator(`.snippet.${language}:visible`).count();
  assert.deepEqual([await examples("python"), await examples("rust")], [9, 0]);
  await page.getByLabel("Rust").check();
  assert.deepEqual([await examples("python"), await examples("rust")], [0, 9]);
  await context.close();
});
