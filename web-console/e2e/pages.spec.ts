import { expect, expectAccessible, picture, test } from "./harness";

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
