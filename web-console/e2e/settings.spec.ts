import { expect, logInAs, picture, test } from "./harness";

test("a key is made, shown once and revoked", async ({ console: page }, info) => {
  await page.goto("/settings/keys");
  const name = `grafana-${info.project.name}`;
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Make a key" }).click();
  await expect(page.getByText(/^sens_[\w-]{20,}$/)).toBeVisible();
  await picture(page, "keys");
  await page.getByRole("button", { name: `Revoke ${name}` }).click();
  await page.getByRole("button", { name: `Really revoke ${name}` }).click();
  await expect(page.getByRole("row", { name: new RegExp(name) })).toContainText("revoked");
});

test("a user is made, changed and deleted, and the audit list tells who did it", async ({
  console: page,
  browser,
}, info) => {
  const name = `ann-${info.project.name}`;
  await page.goto("/settings/users");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Role").selectOption("viewer");
  await page.getByRole("button", { name: "Make a user" }).click();
  await expect(page.getByRole("row", { name: new RegExp(name) })).toContainText("no password");
  await picture(page, "users");
  await page.getByRole("link", { name }).click();
  const side = page.getByRole("dialog");
  await side.getByRole("button", { name: "Make a link that logs in once" }).click();
  const link = await side.getByText(/\/login#token=/).textContent();
  const other = await browser.newPage();
  await other.goto(link ?? "");
  await expect(other.getByRole("heading", { name: "Overview" })).toBeVisible();
  await side.getByLabel("Role").selectOption("operator");
  await expect(side.getByText("The role is operator now.")).toBeVisible();
  await side.getByLabel("New password").fill("correct horse battery");
  await side.getByRole("button", { name: "Set" }).click();
  await expect(side.getByText("The password is set")).toBeVisible();
  await side.getByRole("button", { name: "Disable" }).click();
  await expect(side.getByRole("button", { name: "Enable" })).toBeVisible();
  await other.reload();
  await expect(other.getByRole("button", { name: "Log in" })).toBeVisible();
  await other.close();
  await side.getByRole("button", { name: `Delete ${name}` }).click();
  await side.getByRole("button", { name: `Really delete ${name}` }).click();
  await expect(page.getByRole("row", { name: new RegExp(name) })).toHaveCount(0);

  await page.getByRole("link", { name: "Audit" }).click();
  await page.getByLabel("Changed").selectOption("users");
  await expect(page).toHaveURL(/object_kind=user/);
  const change = page.getByRole("row", { name: new RegExp(`changed ${name} role`) });
  await expect(change).toContainText("viewer → operator");
  await picture(page, "audit");
  await change.getByRole("link", { name: "changed" }).click();
  await expect(page).toHaveURL(/action=user.update/);
  await expect(page.getByRole("row", { name: /deleted/ })).toHaveCount(0);
});

test("a user changes the own password; a viewer sees neither users, keys nor audit", async ({
  page,
}, info) => {
  await logInAs(page, `vera-${info.project.name}`, "viewer");
  await page.goto("/settings");
  const parts = page.getByRole("navigation", { name: "Settings" });
  await expect(parts.getByRole("link")).toHaveText(["General"]);
  const versions = page.getByRole("table", { name: "Versions" });
  await expect(versions.getByRole("row", { name: /^Commit/ })).toContainText(/[0-9a-f]{40}/);
  await page.getByLabel("Now").fill("correct horse battery");
  await page.getByLabel("New", { exact: true }).fill("another horse battery");
  await page.getByRole("button", { name: "Change" }).click();
  await expect(page.getByText("your other sessions ended")).toBeVisible();
  await picture(page, "settings");
});
