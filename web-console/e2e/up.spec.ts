import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "@playwright/test";
import { ended, freePort, ROOT } from "./stack";

// Promised are 10 s; a busy machine is given more, and the time is told.
const LIVE_WITHIN_MS = 30_000;

test("what `make up` prints logs in, and live readings are seen soon after", async ({ page }, info) => {
  test.skip(info.project.name !== "desktop", "one start shows it");
  const folder = mkdtempSync(join(tmpdir(), "sens-up-"));
  const options = `--port ${await freePort()} --mqtt-port ${await freePort()} --data-dir ${join(folder, "data")}`;
  // A group of its own, to which Ctrl-C goes as from a terminal.
  const up = spawn("make", ["up", `ARGS=${options}`], {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    let link: string | undefined;
    for await (const line of createInterface({ input: up.stdout })) {
      link = line.match(/^log in: (\S+)/)?.[1];
      if (link) break;
    }
    const openedMs = Date.now();
    await page.goto(link ?? "");
    const readings = page.getByText("readings a second").locator("..");
    await expect(readings).toContainText(/[1-9]/, { timeout: LIVE_WITHIN_MS });
    const seenMs = Date.now() - openedMs;
    info.annotations.push({ type: "readings seen after", description: `${seenMs} ms` });
    console.log(`live readings ${seenMs} ms after the link was opened`);
  } finally {
    up.stdout.resume();
    await ended(up, () => process.kill(-(up.pid ?? 0), "SIGINT"));
    rmSync(folder, { recursive: true });
  }
});
