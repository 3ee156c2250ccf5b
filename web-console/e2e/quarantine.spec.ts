import { eventually, expect, expectAccessible, logInAs, picture, publish, test } from "./harness";

interface Quarantine {
  items: { topic: string }[];
}

async function quarantine(device: string, ...payloads: string[]): Promise<void> {
  await publish(device, ...payloads);
  await eventually<Quarantine>("/api/v1/quarantine?state=open&limit=1000", ({ items }) => {
    return items.filter(({ topic }) => topic === `sens/${device}/telemetry`).length === payloads.length;
  });
}

test("a message that was not stored tells why, shows its bytes and can be discarded", async ({
  console: page,
}, info) => {
  const device = `torn-${info.project.name}`;
  await quarantine(device, '{"temperature": 21,5');
  await page.goto("/quarantine");
  await page.getByRole("link", { name: /simulator: invalid_syntax/ }).click();
  await expect(page).toHaveURL(/reason=invalid_syntax/);
  await picture(page, "quarantine");
  await page.getByRole("button", { name: `sens/${device}/telemetry` }).click();
  const drawer = page.getByRole("dialog");
  await expect(drawer.getByText('{"temperature": 21,5')).toBeVisible();
  await drawer.getByRole("tab", { name: "hex" }).click();
  await expect(drawer.getByText("7b 22 74 65 6d 70")).toBeVisible();
  await drawer.getByRole("tab", { name: "parsed" }).click();
  await expect(drawer.getByText("This is no JSON")).toBeVisible();
  const rule = drawer.getByRole("textbox", { name: "Try another rule" });
  await expect(rule).toHaveValue(/^topic: sens\/\{device\}\/telemetry\ndecoder: json\n/);
  await rule.fill("topic: sens/{device}/telemetry\ndecoder: jsn");
  await drawer.getByRole("button", { name: "Try it" }).click();
  await expect(drawer.getByRole("alert").filter({ hasText: "unknown decoder" })).toBeVisible();
  await rule.fill("topic: sens/{device}/telemetry\ndecoder: plain\nkind: text\nmetric_name: note");
  await drawer.getByRole("button", { name: "Try it" }).click();
  const readings = drawer.getByRole("table", { name: "Its readings" });
  await expect(readings.getByRole("row", { name: new RegExp(device) })).toContainText("21,5");
  await expectAccessible(page);
  await picture(page, "quarantined");
  await drawer.getByRole("button", { name: "Replay" }).click();
  await expect(drawer.getByText(/cannot be decoded/)).toBeVisible();
  await drawer.getByRole("button", { name: "Discard" }).click();
  await expect(drawer.getByText("Discarded: its bytes")).toBeVisible();
});

test("many are discarded at once", async ({ console: page }, info) => {
  const device = `many-${info.project.name}`;
  await quarantine(device, "{", "{{", "{{{");
  await page.goto("/quarantine?reason=invalid_syntax");
  const picks = page.getByRole("checkbox", { name: `Pick sens/${device}` });
  await expect(picks).toHaveCount(3);
  for (const pick of await picks.all()) await pick.check();
  await page.getByRole("button", { name: "Replay 3 messages" }).click();
  await expect(page.getByText("3 messages tried, 3 still in quarantine.")).toBeVisible();
  await page.getByRole("button", { name: "Discard 3 messages" }).click();
  await page.getByRole("button", { name: "Really discard 3 messages" }).click();
  await expect(page.getByText("3 messages discarded.")).toBeVisible();
  await expect(picks).toHaveCount(0);
});

test("all of one reason are settled at once, and a viewer is not offered to", async ({
  console: page,
  browser,
}, info) => {
  const device = `deep-${info.project.name}`;
  await quarantine(device, "[", "[[");
  await page.goto("/quarantine");
  await page.getByRole("link", { name: /simulator: invalid_syntax/ }).click();
  await page.getByRole("button", { name: /^Discard all \d+ messages$/ }).click();
  await page.getByRole("button", { name: /^Really discard all \d+ messages$/ }).click();
  await expect(page.getByText(/^\d+ messages discarded\.$/)).toBeVisible();
  await expect(page.getByText("Nothing waits in quarantine")).toBeVisible();
  const other = await browser.newPage();
  await logInAs(other, `quarantine-${info.project.name}`, "viewer");
  await other.goto("/quarantine");
  await expect(other.getByText("needs the role operator")).toBeVisible();
  await expect(other.getByRole("button", { name: /Discard|Replay/ })).toHaveCount(0);
  await other.close();
});
