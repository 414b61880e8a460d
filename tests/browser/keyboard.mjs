// The describe page without a mouse: to the content, to a method by its name, to a method by a link.
import assert from "node:assert/strict";
import { WIDTHS, open, withBrowser } from "./browser.mjs";

await withBrowser(async (browser) => {
  const { page, problems } = await open(browser, "/describe");
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
  const names = () => page.locator("article:visible h3").allInnerTexts();
  const listed = () => page.locator("nav[aria-label=Methods] li:visible").allInnerTexts();
  const said = () => page.getByRole("status").first().innerText();

  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "vgi-main");

  assert.equal(await said(), "10 methods");
  await page.keyboard.press("/");
  assert.equal(await focused(), "vgi-search");
  await page.keyboard.type("FoLLow");
  assert.deepEqual(await names(), ["follow", "follow_announced"]);
  assert.deepEqual(await listed(), ["follow", "follow_announced"]);
  assert.equal(await said(), "2 of 10 methods");
  // The other protocol has none: its heading goes as well.
  assert.deepEqual(await page.locator("h2:visible").allInnerTexts(), ["Warehouse 1.4.0"]);

  // In the field it is a character like any other.
  await page.keyboard.press("/");
  assert.equal(await page.getByLabel("Find a method").inputValue(), "FoLLow/");
  assert.equal(await said(), "0 of 10 methods");
  await page.keyboard.press("Backspace");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "follow");
  await page.keyboard.press("/");
  await page.keyboard.press("Escape");
  assert.equal((await names()).length, 10);
  assert.equal(await said(), "10 methods");

  // A link leads to what was searched away.
  await page.keyboard.type("ping");
  assert.deepEqual(await names(), ["ping"]);
  await page.evaluate(() => { location.hash = "#Warehouse.add"; });
  await page.locator("[id='Warehouse.add']").waitFor({ state: "visible" });
  assert.equal((await names()).length, 10);

  // Every link within the page leads somewhere, whatever the name it is for.
  const dead = await page.evaluate(() =>
    [...document.querySelectorAll("a[href^='#']")].map((link) => link.getAttribute("href"))
      .filter((href) => !document.getElementById(decodeURIComponent(href.slice(1)))));
  assert.deepEqual(dead, []);
  assert.deepEqual(problems, []);

  // A deep link shows its method, in a window of any width.
  for (const width of WIDTHS) {
    const deep = await open(browser, "/describe#Warehouse.ping", { width });
    await deep.page.waitForFunction(() => {
      const { top, bottom } = document.getElementById("Warehouse.ping").getBoundingClientRect();
      return top >= 0 && bottom <= window.innerHeight;
    });
  }
});
