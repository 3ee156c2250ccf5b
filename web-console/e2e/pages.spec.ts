import { expect, expectAccessible, picture, reconfigure, test } from "./harness";
import { freePort } from "./stack";

test("a source tells its broker, topics and state", async ({ console: page }) => {
  await page.goto("/sources");
  const source = page.getByRole("region", { name: "simulator" });
  await expect(source).toContainText("sens/+/telemetry");
  await expect(source).toContainText("mqtt://127.0.0.1");
  await expect(source).toContainText(/\d messages and/);
  await source.getByText("Its piece of sens.yaml").click();
  await expect(source.getByText("- name: simulator")).toBeVisible();
  await picture(page, "sources");
});

const PAGES = [
  "/",
  "/devices",
  "/devices/1",
  "/explore?series=1,2",
  "/quarantine",
  "/sources",
  "/settings",
  "/settings/users",
  "/settings/keys",
  "/settings/audit",
];

for (const scheme of ["light", "dark"] as const) {
  test(`every page can be read and used by everybody, ${scheme}`, async ({ console: page }) => {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    for (const path of PAGES) {
      await page.goto(path);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
      await expectAccessible(page);
      if (scheme === "dark" && path.startsWith("/explore")) await picture(page, "explore-dark");
      if (scheme === "dark" && path === "/") await picture(page, "overview-dark");
    }
  });
}

test("the keyboard reaches every page", async ({ console: page }, info) => {
  test.skip(info.project.name === "phone", "a phone has none");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.getByRole("link", { name: "Explore" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Explore" })).toBeVisible();
});

// What opens over a page, and the button that opens it where its address does not.
const OVERLAYS: [path: string, button?: string][] = [
  ["/devices/1", "Edit"],
  ["/explore?series=1,2", "Choose series"],
  ["/settings/users?user=1"],
];

for (const scheme of ["light", "dark"] as const) {
  test(`what opens over a page can be read and used by everybody, ${scheme}`, async ({ console: page }) => {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    for (const [path, button] of OVERLAYS) {
      await page.goto(path);
      if (button) await page.getByRole("button", { name: button, exact: true }).click();
      await expect(page.getByRole("dialog")).toBeVisible();
      await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
      await expectAccessible(page);
      await page.keyboard.press("Escape");
      await expect(page.getByRole("dialog")).toBeHidden();
    }
  });
}

test("a broker that refuses is told as away, with the reason", async ({ console: page }, info) => {
  test.skip(info.project.name !== "desktop", "one broker shows it");
  const refusing = await freePort();
  const declared = `  - name: far-away
    broker: mqtt://127.0.0.1:${refusing}
    topics: [{topic: "far/{device}", decoder: json}]
`;
  const change = (text: (before: string) => string) => reconfigure("mqtt-ingestion-worker", text);
  change((text) => text.replace(/^sources:\n/m, `sources:\n${declared}`));
  try {
    await page.goto("/sources");
    const source = page.getByRole("region", { name: "far-away" });
    await expect(source.getByText("away").first()).toBeVisible();
    await expect(source).toContainText(/refuse/i);
    await picture(page, "source-away");
  } finally {
    change((text) => text.replace(declared, ""));
  }
});
