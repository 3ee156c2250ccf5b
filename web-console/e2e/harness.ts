import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test as base, expect, type Page } from "@playwright/test";
import type { AxeResults } from "axe-core";
import mqtt from "mqtt";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const key = () => process.env.SENS_E2E_KEY ?? "";

/** A page that is logged in; its addresses are the console's. Errors in its console fail the test. */
export const test = base.extend<{ console: Page }>({
  // biome-ignore lint/correctness/noEmptyPattern: the test runner reads from the pattern what a fixture needs
  baseURL: async ({}, use) => use(process.env.SENS_E2E_URL),
  console: async ({ page }, use) => {
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      // Lost connections and refusals are what some tests bring about.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        errors.push(message.text());
      }
    });
    await page.addInitScript((opened) => sessionStorage.setItem("sens-api-key", opened), key());
    await page.goto("/");
    await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
    await use(page);
    expect(errors).toEqual([]);
  },
});

/** Make a user by the API, and log in as that one. */
export async function logInAs(
  page: Page,
  name: string,
  role: "viewer" | "operator" | "admin",
): Promise<void> {
  const password = "correct horse battery";
  expect((await send("POST", "users", { name, role, password })).status).toBe(201);
  await page.goto("/login");
  await page.getByLabel("User").fill(name);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
}

/** Publish as a device would; resolves when the broker has acknowledged all. */
export async function publish(device: string, ...payloads: string[]): Promise<void> {
  const client = await mqtt.connectAsync(process.env.SENS_E2E_MQTT ?? "", { protocolVersion: 4 });
  await Promise.all(
    payloads.map((payload) => client.publishAsync(`sens/${device}/telemetry`, payload, { qos: 1 })),
  );
  await client.endAsync();
}

/** Publish a reading of each of so many devices, and wait until the last one is known. */
export async function herd(name: string, count: number): Promise<void> {
  const client = await mqtt.connectAsync(process.env.SENS_E2E_MQTT ?? "", { protocolVersion: 4 });
  const device = (n: number) => `${name}-${String(n).padStart(4, "0")}`;
  const all = Array.from({ length: count }, (_, n) =>
    client.publishAsync(`sens/${device(n)}/telemetry`, '{"weight": 300}', { qos: 1 }),
  );
  await Promise.all(all);
  await client.endAsync();
  await eventually<Named>(`/api/v1/devices?prefix=${device(count - 1)}`, ({ items }) => items.length === 1);
}

/** Ask the API until it answers what is waited for: stored is what is published, some moments later. */
export async function eventually<T>(path: string, found: (body: T) => boolean): Promise<T> {
  let body: T | undefined;
  await expect(async () => {
    const response = await fetch(`${process.env.SENS_E2E_URL}${path}`, { headers: { "X-API-Key": key() } });
    body = (await response.json()) as T;
    expect(found(body)).toBe(true);
  }).toPass();
  return body as T;
}

export interface Named {
  items: { id: number; name: string }[];
}

/** Publish readings of a device of one's own, and wait until it is known. Gives its id. */
export async function deviceWith(name: string, ...payloads: string[]): Promise<number> {
  await publish(name, ...payloads);
  const { items } = await eventually<Named>(
    `/api/v1/devices?prefix=${name}`,
    ({ items }) => items.length === 1,
  );
  return items[0]?.id ?? 0;
}

/** Change what people say of a device or a series, or make a thing, by the API. */
export async function send(method: "POST" | "PATCH", path: string, body: object): Promise<Response> {
  return fetch(`${process.env.SENS_E2E_URL}/api/v1/${path}`, {
    method,
    headers: { "X-API-Key": key(), "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** Change the configuration, and have a part of the stack read it: what dies is started again. */
export function reconfigure(part: string, change: (text: string) => string): void {
  const path = process.env.SENS_E2E_CONFIG ?? "";
  writeFileSync(path, change(readFileSync(path, "utf8")));
  const processes = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="]).toString().split("\n");
  const found = processes
    .map((line) => line.trim().split(/\s+/))
    .find(([, parent, ...command]) => parent === process.env.SENS_E2E_PID && command.includes(part));
  process.kill(Number(found?.[0]), "SIGTERM");
}

/** Keep a picture of the page, to be looked at by a person; where the docs are to have it, for them, too. */
export async function picture(page: Page, name: string): Promise<void> {
  const file = `${test.info().project.name}-${name}.png`;
  const folders = ["test-results/pictures"];
  const { SENS_PICTURES } = process.env;
  if (SENS_PICTURES && readFileSync("../docs/tour.md", "utf8").includes(file)) folders.push(SENS_PICTURES);
  for (const folder of folders)
    await page.screenshot({ path: join(folder, file), animations: "disabled", scale: "css" });
}

type Point = readonly [x: number, y: number];

/** Put fingers on the page, lead each over some points of its own, and lift them. */
export async function touch(page: Page, ...fingers: Point[][]): Promise<void> {
  const cdp = await page.context().newCDPSession(page);
  const send = (type: "touchStart" | "touchMove" | "touchEnd", step: number) =>
    cdp.send("Input.dispatchTouchEvent", {
      type,
      touchPoints:
        type === "touchEnd"
          ? []
          : fingers.map((way, id) => ({ id, x: way[step]?.[0] ?? 0, y: way[step]?.[1] ?? 0 })),
    });
  await send("touchStart", 0);
  for (let step = 1; step < (fingers[0]?.length ?? 0); step++) await send("touchMove", step);
  await send("touchEnd", 0);
  await cdp.detach();
}

/** No violation of what axe checks, nothing wider than the screen, and on a phone no table that is cut. */
export async function expectAccessible(page: Page): Promise<void> {
  // Run by the debugger, so the page's policy, which allows no such script, stays as it is.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    (window as unknown as { axe: { run: () => Promise<AxeResults> } }).axe.run(),
  );
  const told = violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("\n  ")}`,
  );
  expect(told).toEqual([]);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBeLessThanOrEqual(page.viewportSize()?.width ?? 0);
  if (test.info().project.name === "phone") {
    const cut = await page.evaluate(() =>
      [...document.querySelectorAll(".scroll")]
        .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
        .map((each) => each.textContent),
    );
    expect(cut, "tables that have to be scrolled to be read").toEqual([]);
  }
}

export { expect };
