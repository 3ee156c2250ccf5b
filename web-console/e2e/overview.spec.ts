import { expect, picture, test } from "./harness";

test("whether data arrives, from whom, and whether anything was lost, is on the first page", async ({
  console: page,
}) => {
  await expect(page.getByText("balanced, nothing lost")).toBeVisible();
  const messages = page.getByRole("table", { name: "What became of messages received" });
  await expect(messages.getByRole("row", { name: /^decoded/ })).toContainText("%");
  const source = page.getByRole("row", { name: /^simulator/ });
  await expect(source).toContainText("connected");
  const rate = page.getByText("messages a second").locator("..");
  await expect(rate).toContainText(/[1-9]/);
  await page.reload();
  await expect(rate).toContainText(/\d/, { timeout: 4000 });
  // The simulator sends ten, however long ago the ten minutes began in which it was started.
  expect(Number.parseFloat((await rate.textContent()) ?? "")).toBeGreaterThan(2);
  await expect(page.getByRole("region", { name: "The last 24 hours" })).toContainText(
    /[1-9]\d* messages and/,
  );
  // Of a log that is nearly empty the bar has no width.
  const log = page.getByRole("progressbar", { name: /^The log has .* of / });
  await expect(log).toHaveAttribute("aria-valuenow", /\d/);
  await picture(page, "overview");
  await source.getByRole("link", { name: "simulator" }).click();
  await expect(page).toHaveURL(/\/devices\?source=simulator/);
});

test("a connection that broke is shown, and heals by itself", async ({ console: page, context }) => {
  await context.setOffline(true);
  const banner = page.getByRole("alert").filter({ hasText: "The server does not answer" });
  await expect(banner).toBeVisible();
  await picture(page, "broken");
  await context.setOffline(false);
  await expect(banner).toBeHidden();
  await expect(page.getByText("balanced, nothing lost")).toBeVisible();
});
