import { deviceWith, expect, picture, publish, test } from "./harness";

test("what a device sent is found by its name, and new readings show as they come", async ({
  console: page,
}, info) => {
  const name = `boiler-${info.project.name}`;
  await deviceWith(name, '{"temperature": 61.5, "state": "heating", "pump": true}');
  await page.goto("/devices");
  await expect(page.getByRole("row", { name: /climate-0001/ })).toBeVisible();
  await picture(page, "devices");
  await page.getByRole("searchbox", { name: "Search" }).fill("boiler");
  await expect(page).toHaveURL(/prefix=boiler/);
  await page.getByRole("link", { name }).click();
  const latest = page.getByRole("table", { name: "Latest values" });
  await expect(latest.getByRole("row", { name: /^temperature/ })).toContainText("61.5");
  await expect(latest.getByRole("row", { name: /^state/ })).toContainText("heating");
  await expect(latest.getByRole("row", { name: /^pump/ })).toContainText("true");
  await expect(page.getByRole("status").getByText("live", { exact: true })).toBeVisible();
  await publish(name, '{"temperature": 62.25}');
  await expect(latest.getByRole("row", { name: /^temperature/ })).toContainText("62.25");
  await expect(page.getByRole("region", { name: "temperature" })).toContainText("62.25");
  const messages = page.getByRole("region", { name: "Last messages" });
  await messages.getByRole("button", { name: /heating/ }).click();
  await expect(messages.getByText('{"temperature": 61.5, "state": "heating", "pump": true}')).toBeVisible();
  await expect(messages.getByText(`sens/${name}/telemetry, received`)).toBeVisible();
});

test("a device of the simulator shows live charts", async ({ console: page }) => {
  await page.goto("/devices?prefix=climate-0001");
  await page.getByRole("link", { name: "climate-0001" }).click();
  await expect(page.getByRole("img", { name: /over the last quarter/ }).first()).toBeVisible();
  await expect(page.getByRole("status").getByText("live", { exact: true })).toBeVisible();
  await picture(page, "device");
});

test("a search without result and a device that is not there say so", async ({ console: page }) => {
  await page.goto("/devices?prefix=no-such-thing");
  await expect(page.getByText("No device fits")).toBeVisible();
  await page.goto("/devices/2000000000");
  await expect(page.getByRole("alert")).toBeVisible();
  await page.goto("/nowhere");
  await expect(page.getByText("There is no such page")).toBeVisible();
});
