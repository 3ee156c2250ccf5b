import { deviceWith, expect, herd, logInAs, picture, publish, test } from "./harness";

test("what a device sent is found by its name, and new readings show as they come", async ({
  console: page,
}, info) => {
  const name = `boiler-${info.project.name}`;
  await deviceWith(name, '{"temperature": 61.5, "state": "heating", "pump": true}');
  await page.goto("/devices");
  await expect(page.getByRole("row", { name: /climate-0001/ })).toBeVisible();
  await picture(page, "devices");
  await page.getByRole("searchbox", { name: "Search" }).fill("boiler");
  await expect(page).toHaveURL(/q=boiler/);
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
  await page.goto("/devices?q=climate-0001");
  await page.getByRole("link", { name: "climate-0001" }).click();
  await expect(page.getByRole("img", { name: /over the last quarter/ }).first()).toBeVisible();
  await expect(page.getByRole("status").getByText("live", { exact: true })).toBeVisible();
  await picture(page, "device");
});

test("devices are sorted by their newest reading, and show how the last day went", async ({
  console: page,
}, info) => {
  const name = `boat-${info.project.name}`;
  const now = Math.round(Date.now() / 1000);
  await deviceWith(name, ...[7200, 3600, 5].map((ago, n) => `{"ts": ${now - ago}, "depth": ${10 + n}}`));
  await page.goto(`/devices?q=-`);
  await page.getByRole("link", { name: "Newest reading" }).click();
  await expect(page).toHaveURL(/sort=-last_seen/);
  await page.getByRole("link", { name: "Newest reading" }).click();
  await expect(page).toHaveURL(/sort=last_seen/);
  await expect(page.getByRole("row").nth(1)).not.toContainText("climate");
  await page.getByLabel("Search").fill(name);
  const row = page.getByRole("row", { name: new RegExp(name) });
  await expect(row.getByRole("img", { name: "Between 10 and 12" })).toBeVisible();
});

test("among thousands of devices pages are short, and one is found by its name", async ({
  console: page,
}, info) => {
  test.skip(info.project.name !== "desktop", "one herd is enough");
  await herd("zebra", 2500);
  await page.goto("/devices?q=zebra");
  await expect(page.getByRole("row", { name: /zebra-0000/ })).toBeVisible();
  expect(await page.getByRole("row").count()).toBeLessThanOrEqual(101);
  await page.getByRole("link", { name: "Next page" }).click();
  await expect(page.getByRole("row", { name: /zebra-0000/ })).toHaveCount(0);
  await page.getByRole("searchbox", { name: "Search" }).fill("zebra 2499");
  await expect(page.getByRole("row", { name: /zebra-2499/ })).toBeVisible();
  await expect(page.getByRole("row")).toHaveCount(2);
});

test("a search without result and a device that is not there say so", async ({ console: page }) => {
  await page.goto("/devices?q=no-such-thing");
  await expect(page.getByText("No device fits")).toBeVisible();
  await page.goto("/devices/2000000000");
  await expect(page.getByRole("alert")).toBeVisible();
  await page.goto("/nowhere");
  await expect(page.getByRole("heading", { level: 1, name: "There is no such page" })).toBeVisible();
  await expect(page.getByRole("navigation", { name: "Main" })).toHaveCount(1);
});

test("a device and a series get names for people, and what is silent says so", async ({
  console: page,
}, info) => {
  const name = `pump-${info.project.name}`;
  const hourAgo = Math.round(Date.now() / 1000) - 3600;
  const id = await deviceWith(name, `{"ts": ${hourAgo}, "t1": 21.456789}`);
  await page.goto(`/devices/${id}`);
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  const side = page.getByRole("dialog");
  await side.getByLabel("Label").fill(`Pump of ${info.project.name}`);
  await side.getByLabel("Note").fill("Serviced in May");
  await side.getByLabel("It sends every").fill("5");
  await side.getByLabel("Unit of the interval").selectOption("minutes");
  await side.getByRole("button", { name: "Save" }).click();
  await expect(side).toBeHidden();
  await expect(page.getByRole("heading", { level: 1, name: `Pump of ${info.project.name}` })).toBeVisible();
  await expect(page.getByText("Expected every 5 minutes")).toBeVisible();
  await expect(page.getByText("Serviced in May")).toBeVisible();
  await expect(page.getByText("silent", { exact: true })).toBeVisible();

  await expect(page.getByRole("row", { name: /^t1/ })).toContainText("stale");

  await page.getByRole("button", { name: "Edit t1" }).click();
  await side.getByLabel("Name").fill("Flow temperature");
  await side.getByLabel("Unit shown").fill("°C");
  await side.getByLabel("Decimal places").fill("1");
  await picture(page, "edit");
  await side.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("row", { name: /^Flow temperature 21.5 °C/ })).toBeVisible();

  await page.goto("/");
  await page.getByRole("link", { name: /^devices? (is|are) silent$/ }).click();
  await expect(page).toHaveURL(/show=silent/);
  await expect(page.getByRole("row", { name: new RegExp(`Pump of ${info.project.name}`) })).toContainText(
    "silent",
  );
  await expect(page.getByRole("row", { name: /climate-0001/ })).toHaveCount(0);
  await page.getByRole("link", { name: `Pump of ${info.project.name}` }).click();

  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await expect(side.getByLabel("It sends every")).toHaveValue("5");
  await side.getByRole("button", { name: "Archive" }).click();
  await expect(page.getByText("archived", { exact: true })).toBeVisible();
  await expect(page.getByText("silent", { exact: true })).toHaveCount(0);
});

test("a viewer is offered no change", async ({ page }, info) => {
  await logInAs(page, `viewer-${info.project.name}`, "viewer");
  await page.goto("/devices/1");
  await expect(page.getByRole("table", { name: "Latest values" })).toBeVisible();
  await expect(page.getByRole("button", { name: /^Edit/ })).toHaveCount(0);
});
