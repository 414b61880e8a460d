// The buttons that copy an example, with the browser's clipboard and where a page has none.
import assert from "node:assert/strict";
import { open, withBrowser } from "./browser.mjs";

const WITHOUT_CLIPBOARD = () => Object.defineProperty(navigator, "clipboard", { value: undefined });

await withBrowser(async (browser) => {
  for (const prepare of [undefined, WITHOUT_CLIPBOARD]) {
    for (const [path, language] of [["/", "Python"], ["/describe", "Python"], ["/describe", "Rust"]]) {
      const where = `${language} at ${path}${prepare ? ", without a clipboard" : ""}`;
      const permissions = ["clipboard-read", "clipboard-write"];
      const { context, page, problems } = await open(browser, path, { prepare, permissions });
      if (language === "Rust") await page.getByLabel("Rust").check();
      const snippet = page.locator(".snippet:visible").last();
      const button = snippet.getByRole("button", { name: `Copy the ${language} example for ` });
      const expected = await snippet.locator("code").textContent();
      assert.ok(expected.includes(language === "Python" ? "http_connect(" : "Client::connect("), where);

      await button.focus();
      await page.keyboard.press("Enter");
      await snippet.getByText("Copied").waitFor();
      // Read by a page that has one.
      const reader = await context.newPage();
      await reader.goto(page.url());
      const copied = await reader.evaluate(async () => {
        const field = document.body.appendChild(document.createElement("textarea"));
        field.focus();
        return navigator.clipboard ? navigator.clipboard.readText() : undefined;
      });
      assert.equal(copied, expected, where);
      assert.deepEqual(problems, [], where);
      await context.close();
    }
  }
});
