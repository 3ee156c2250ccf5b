import { expect, expectAccessible, key, picture, test } from "./harness";

test("a key opens the page that was asked for, and logging out closes it", async ({ page }) => {
  await page.goto("/devices?q=climate");
  await expect(page.getByRole("heading", { name: "SENS" })).toBeVisible();
  await expectAccessible(page);
  await picture(page, "login");
  await page.getByLabel("API key").fill("sens_wrong");
  await page.getByRole("button", { name: "Use this key" }).click();
  await expect(page.getByRole("alert")).toContainText("opens nothing");
  await page.getByLabel("API key").fill(key());
  await page.getByRole("button", { name: "Use this key" }).click();
  await expect(page.getByRole("searchbox", { name: "Search" })).toHaveValue("climate");
  await page.reload();
  await expect(page.getByRole("heading", { name: "Devices" })).toBeVisible();
  await page.getByRole("button", { name: "Log out" }).click();
  await expect(page.getByLabel("API key")).toBeVisible();
});

test("a link that logs in leaves no token in the address, and says when it does not work", async ({
  page,
}) => {
  await page.goto("/login#token=used-already");
  await expect(page.getByRole("alert")).toBeVisible();
  expect(page.url()).not.toContain("token");
});
