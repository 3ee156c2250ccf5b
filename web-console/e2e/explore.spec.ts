import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import {
  deviceWith,
  eventually,
  expect,
  logInAs,
  type Named,
  picture,
  publish,
  test,
  touch,
} from "./harness";

const HOUR_MS = 3_600_000;

/** A month of readings of one device, one in three hours, two metrics with units of their own. */
function month(): string[] {
  const now = Date.now();
  return Array.from({ length: 240 }, (_, n) => {
    const ts = Math.round((now - (240 - n) * 3 * HOUR_MS) / 1000);
    return JSON.stringify({ ts, temperature: 20 + 5 * Math.sin(n / 8), humidity: 50 + 10 * Math.cos(n / 8) });
  });
}

async function downloaded(page: Page, format: "CSV" | "Parquet"): Promise<Buffer> {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: `Download ${format}` }).click();
  return readFileSync(await (await download).path());
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

  const lines = (await downloaded(page, "CSV")).toString().trim().split(/\r?\n/);
  expect(lines.filter((line) => line.includes(`${name},temperature`)).length).toBeGreaterThan(200);
  expect((await downloaded(page, "Parquet")).subarray(0, 4).toString()).toBe("PAR1");

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

test("every reading of a range is downloaded by who has a session", async ({ page }, info) => {
  const name = `cellar-${info.project.name}`;
  await deviceWith(name, '{"temperature": 11.5}', '{"temperature": 12.5}');
  await logInAs(page, `max-${info.project.name}`, "viewer");
  const { items } = await eventually<Named>(
    `/api/v1/series?device=${name}`,
    ({ items }) => items.length === 1,
  );
  await page.goto(`/explore?series=${items[0]?.id}&from=now-15m`);
  await page.getByLabel("In the file").selectOption("every reading");
  const text = (await downloaded(page, "CSV")).toString();
  expect(text).toContain("11.5");
  expect(text).toContain("12.5");
});

test("live, the range moves on and readings are added; the period before is drawn beside", async ({
  console: page,
}, info) => {
  const name = `stove-${info.project.name}`;
  const before = Math.round(Date.now() / 1000) - 1200;
  await deviceWith(name, `{"ts": ${before}, "temperature": 40}`, '{"temperature": 41}');
  const { items } = await eventually<Named>(
    `/api/v1/series?device=${name}`,
    ({ items }) => items.length === 1,
  );
  await page.goto(`/explore?series=${items[0]?.id}&from=now-15m`);
  const followed = page.waitForRequest((request) =>
    request.url().endsWith(`/live?series_id=${items[0]?.id}`),
  );
  await page.getByRole("switch", { name: "Live" }).click();
  await followed;
  await expect(page).toHaveURL(/live=on/);
  await expect(page.getByRole("status").getByText("live", { exact: true })).toBeVisible();
  await publish(name, '{"temperature": 42.5}');
  const row = page.getByRole("row", { name: new RegExp(`${name} temperature`) });
  await expect(row).toContainText("42.5");
  await page.getByRole("switch", { name: "Compare" }).click();
  await expect(page.getByRole("columnheader", { name: "Mean before" })).toBeVisible();
  await expect(row).toContainText("40");
  await page.goto(
    page
      .url()
      .replace("now-15m", "now-3d")
      .replace(/now-\d+s/, "now-3d"),
  );
  await expect(page.getByText("There is nothing in the period before.")).toBeVisible();
});

/** Length and begin of the range in the address, in ms; NaN where it is none between two moments. */
function rangeIn(page: Page): { length: number; begin: number } {
  const { searchParams } = new URL(page.url());
  const [from, to] = ["from", "to"].map((name) => Date.parse(searchParams.get(name) ?? ""));
  return { length: (to ?? NaN) - (from ?? NaN), begin: from ?? NaN };
}

test("two fingers zoom, one moves the time, and up and down the page scrolls", async ({
  console: page,
}, info) => {
  test.skip(info.project.name !== "phone", "it has no fingers");
  await page.goto("/explore?series=1&from=now-1h");
  const chart = page.getByRole("img", { name: /1 series/ });
  // The address changes before the page does: what is round the chart moves it.
  const chartOf = async (range: RegExp) => {
    await expect(page.getByRole("img", { name: range })).toBeVisible();
    await chart.scrollIntoViewIfNeeded();
    const box = await chart.boundingBox();
    if (!box) throw new Error("the chart has no box");
    return (part: number, y = 150) => [box.x + box.width * part, box.y + y] as const;
  };
  const whole = await chartOf(/from now-1h/);
  await touch(page, [whole(0.5), whole(0.4), whole(0.3)], [whole(0.6), whole(0.7), whole(0.8)]);
  await expect.poll(() => rangeIn(page).length).toBeLessThan(HOUR_MS / 2);
  const zoomed = rangeIn(page);
  const at = await chartOf(/from \d{4}-/);
  await touch(page, [at(0.4), at(0.5), at(0.6), at(0.8)]);
  await expect.poll(() => rangeIn(page).begin).toBeLessThan(zoomed.begin);
  expect(Math.abs(rangeIn(page).length - zoomed.length)).toBeLessThan(5);
  const [address, top] = [page.url(), await page.evaluate(() => scrollY)];
  await touch(page, [at(0.5, 250), at(0.5, 200), at(0.5, 150), at(0.5, 50)]);
  await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(top);
  expect(page.url()).toBe(address);
});

test("the table tells the values where the cursor is, and Shift moves the time", async ({
  console: page,
}, info) => {
  test.skip(info.project.name === "phone", "it has no mouse");
  const name = "hallway";
  const [id, now] = [await deviceWith(name, '{"temperature": 1}'), Math.round(Date.now() / 1000)];
  await publish(name, ...[3000, 1800, 600].map((ago) => `{"ts": ${now - ago}, "temperature": ${ago}}`));
  const { items } = await eventually<Named>(
    `/api/v1/series?device_id=${id}`,
    (one) => one.items.length === 1,
  );
  await page.goto(`/explore?series=${items[0]?.id}&from=now-1h`);
  const row = page.getByRole("row", { name: new RegExp(`${name} temperature`) });
  await expect(row).toContainText("3,000");
  const box = await page.getByRole("img", { name: /1 series/ }).boundingBox();
  if (!box) throw new Error("the chart has no box");
  await expect(page.getByRole("columnheader", { name: "Last" })).toBeVisible();
  await page.mouse.move(box.x + box.width * 0.52, box.y + 100);
  await expect(page.getByRole("columnheader", { name: "Last" })).toHaveCount(0);
  await expect(row.getByRole("cell").first()).toHaveText("1,800");
  await page.keyboard.down("Shift");
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + 100, { steps: 4 });
  await page.mouse.up();
  await page.keyboard.up("Shift");
  await expect.poll(() => rangeIn(page).length).toBeCloseTo(HOUR_MS, -3);
  expect(rangeIn(page).begin).toBeLessThan(Date.now() - HOUR_MS);
});

test("keys move the time and zoom", async ({ console: page }, info) => {
  test.skip(info.project.name === "phone", "a phone has none");
  await page.goto("/explore?series=1&from=now-1h");
  const chart = page.getByRole("img", { name: /1 series/ });
  await chart.focus();
  await page.keyboard.press("+");
  await expect.poll(() => rangeIn(page).length).toBeCloseTo(0.8 * HOUR_MS, -3);
  const zoomed = rangeIn(page);
  await chart.press("ArrowLeft");
  await expect.poll(() => rangeIn(page).begin).toBeLessThan(zoomed.begin);
  await chart.press("-");
  await expect.poll(() => rangeIn(page).length).toBeCloseTo(HOUR_MS, -3);
});
