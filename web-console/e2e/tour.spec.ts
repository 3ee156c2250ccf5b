import { readFileSync } from "node:fs";
import { fleet, SERIES_OF_FLEET } from "./fleet";
import { eventually, expect, type Named, picture, publish, reconfigure, test } from "./harness";

test.describe.configure({ mode: "serial" });
test.beforeAll(fleet);

test("is data arriving, and from whom not?", async ({ console: page }) => {
  const sources = page.getByRole("table", { name: "Sources" });
  await expect(sources.getByRole("row", { name: /^simulator connected/ })).toContainText(/\d \d|\d/);
  await expect(page.getByText("messages a second").locator("..")).toContainText(/[1-9]/);
  const silent = page.getByRole("table", { name: "Went silent" });
  await expect(silent.getByRole("row", { name: /Cold store/ })).toContainText("every 5 minutes");
  await expect(page.getByRole("region", { name: "The last 24 hours" }).getByRole("img")).toBeVisible();
  await picture(page, "tour-overview");
  await page.emulateMedia({ colorScheme: "dark" });
  await expect(page.getByRole("img").first()).toBeVisible();
  await picture(page, "tour-overview-dark");
});

test("what did this device send, and what became of it?", async ({ console: page }) => {
  await page.goto("/devices");
  await page.getByRole("searchbox", { name: "Search" }).fill("greenhouse");
  await expect(page.getByRole("row", { name: /climate/ })).toHaveCount(0);
  await expect(page.getByRole("img", { name: /^Between/ })).toHaveCount(SERIES_OF_FLEET);
  await picture(page, "tour-devices");
  await page.getByRole("link", { name: "Greenhouse north" }).click();
  await expect(page.getByRole("img", { name: /temperature over the last quarter/ })).toBeVisible();
  const messages = page.getByRole("region", { name: "Last messages" });
  await messages.getByRole("button").first().click();
  await expect(messages.getByRole("table", { name: "Its readings" }).first()).toBeVisible();
  await page.evaluate(() => scrollTo(0, 0));
  await picture(page, "tour-device");
});

test("show these five series over last month, and give me the CSV", async ({ console: page }) => {
  await page.goto("/explore");
  await page.getByRole("button", { name: "Choose series" }).click();
  await page.getByRole("searchbox").fill("greenhouse temp");
  const choices = page.getByRole("checkbox", { name: /^greenhouse-\w+ temperature/ });
  await expect(choices).toHaveCount(SERIES_OF_FLEET);
  for (const choice of await choices.all()) await choice.check();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("button", { name: "30 d" }).click();
  await expect(page.getByText("Resolution: 1h")).toBeVisible();
  await expect(page.getByRole("img", { name: /5 series from now-30d/ })).toBeVisible();
  await picture(page, "tour-explore");
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download CSV" }).click();
  const lines = readFileSync(await (await download).path(), "utf8")
    .trim()
    .split(/\r?\n/);
  expect(lines.length).toBeGreaterThan(SERIES_OF_FLEET * 600);
});

const PATH =
  "site building hall bay crane bridge trolley hoist drive gearbox shaft bearing sensor channel signal filtered mean temperature".split(
    " ",
  );
const UPPER = ["group", "company", "region", "country"];

interface Quarantine {
  items: { topic: string }[];
}

test("why was this message not stored, mend it and bring it back", async ({ console: page }, info) => {
  const name = `crane-${info.project.name}`;
  // What the run of the desktop allows is not enough for that of the phone.
  const path = info.project.name === "phone" ? [...UPPER, ...PATH] : PATH;
  const depth = path.length + 2;
  await publish(
    name,
    path.reduceRight((inner, part) => `{"${part}":${inner}}`, "71.5"),
  );
  await eventually<Quarantine>("/api/v1/quarantine?reason=too_deep&state=open", ({ items }) =>
    items.some(({ topic }) => topic.includes(name)),
  );
  await page.goto("/quarantine?reason=too_deep");
  await page.getByRole("button", { name: `sens/${name}/telemetry` }).click();
  const drawer = page.getByRole("dialog");
  await expect(drawer.getByText(/nested|deep/).first()).toBeVisible();
  const rule = drawer.getByRole("textbox", { name: "Try another rule" });
  await rule.fill(`topic: sens/{device}/telemetry\ndecoder: json\nmax_depth: ${depth}`);
  await drawer.getByRole("button", { name: "Try it" }).click();
  await expect(drawer.getByRole("table", { name: "Its readings" })).toContainText(name);
  await picture(page, "tour-quarantine");

  reconfigure("telemetry-worker", (text) =>
    text.replace(/( +)decoder: json\n( +max_depth: \d+\n)?/, `$1decoder: json\n$1max_depth: ${depth}\n`),
  );
  await expect(async () => {
    await drawer.getByRole("button", { name: "Replay" }).click({ timeout: 5000 });
    await expect(drawer.getByText(/1 readings stored/)).toBeVisible({ timeout: 5000 });
  }).toPass();
  await eventually<Named>(`/api/v1/devices?q=${name}`, ({ items }) => items.length === 1);
});

test("was anything lost?", async ({ console: page }) => {
  await expect(page.getByText("balanced, nothing lost")).toBeVisible();
  const messages = page.getByRole("table", { name: "What became of messages received" });
  await expect(messages.getByRole("row", { name: /^lost/ })).toContainText("0");
});
