import { readFileSync } from "node:fs";
import { deviceWith, expect, picture, test } from "./harness";

const HOUR_MS = 3_600_000;

/** A month of readings of one device, one in three hours, two metrics with units of their own. */
function month(): string[] {
  const now = Date.now();
  return Array.from({ length: 240 }, (_, n) => {
    const ts = Math.round((now - (240 - n) * 3 * HOUR_MS) / 1000);
    return JSON.stringify({ ts, temperature: 20 + 5 * Math.sin(n / 8), humidity: 50 + 10 * Math.cos(n / 8) });
  });
}

test("series over last month are shown, zoomed into, shared by address and kept as CSV", async ({
  console: page,
}, info) => {
  const name = `attic-${info.project.name}`;
  await deviceWith(name, ...month());
  await page.goto("/explore");
  await page.getByRole("button", { name: "Choose series" }).click();
  await page.getByRole("searchbox").fill(`${name} `);
  for (const metric of ["temperature", "humidity"])
    await page.getByRole("checkbox", { name: `${name} ${metric}` }).check();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("button", { name: "30 d" }).click();
  const chart = page.getByRole("img", { name: /2 series from now-30d/ });
  await expect(chart).toBeVisible();
  await expect(page.getByRole("row", { name: new RegExp(`${name} temperature`) })).toContainText("25");
  await expect(page).toHaveURL(/series=\d+,\d+&from=now-30d&to=now/);
  await picture(page, "explore");

  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download CSV" }).click();
  const lines = readFileSync(await (await download).path(), "utf8")
    .trim()
    .split("\r\n");
  expect(lines[0]).toMatch(/^time,source,device,metric,unit,resolution/);
  expect(lines.filter((line) => line.includes(`simulator,${name},temperature`)).length).toBeGreaterThan(200);

  const box = await chart.boundingBox();
  if (!box) throw new Error("the chart has no box");
  await page.mouse.move(box.x + box.width * 0.4, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 100, { steps: 4 });
  await page.mouse.up();
  await expect(page).toHaveURL(/from=\d{4}-\d\d-\d\dT/);
  await page.reload();
  await expect(page.getByRole("img", { name: /2 series from \d{4}-/ })).toBeVisible();
  await page.getByRole("button", { name: `Remove ${name} humidity` }).click();
  await expect(page.getByRole("img", { name: /1 series/ })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("img", { name: /from now-30d/ })).toBeVisible();
});

test("a range between two moments is chosen in the viewer's zone", async ({ console: page }) => {
  await page.goto("/explore?series=1");
  await page.getByRole("button", { name: "From … to …" }).click();
  await expect(page.getByText("In Europe/Berlin", { exact: true })).toBeVisible();
  await page.getByLabel("From", { exact: true }).fill("2026-01-05T12:00:00");
  await page.getByLabel("To", { exact: true }).fill("2026-01-05T13:00:00");
  await page.getByRole("button", { name: "Show" }).click();
  await expect(page).toHaveURL(/from=2026-01-05T11:00:00.000Z&to=2026-01-05T12:00:00.000Z/);
  await expect(page.getByText("No reading in this range")).toBeVisible();
});
