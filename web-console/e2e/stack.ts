import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "..", "..");
const READY_WITHIN_MS = 120_000;

/** Runs `sens up` with its simulator on free ports while the tests run; they find it in the environment. */
export default async function start(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "sens-console-"));
  const [port, mqttPort] = [await freePort(), await freePort()];
  const log = join(folder, "up.log");
  const out = openSync(log, "w");
  const options = [
    "--port",
    `${port}`,
    "--mqtt-port",
    `${mqttPort}`,
    "--data-dir",
    join(folder, "data"),
    "--json",
  ];
  const up = spawn(join(ROOT, ".venv/bin/sens"), ["up", ...options], {
    cwd: ROOT,
    stdio: ["ignore", out, out],
  });
  const url = `http://127.0.0.1:${port}`;
  await ready(url, up, log);
  process.env.SENS_E2E_URL = url;
  process.env.SENS_E2E_MQTT = `mqtt://127.0.0.1:${mqttPort}`;
  process.env.SENS_E2E_CONFIG = join(folder, "data/sens.yaml");
  process.env.SENS_E2E_PID = String(up.pid);
  process.env.SENS_E2E_KEY = readFileSync(join(folder, "data/admin-api-key"), "utf8").trim();
  return async () => {
    await ended(up);
    rmSync(folder, { recursive: true });
  };
}

async function ready(url: string, up: ChildProcess, log: string): Promise<void> {
  const until = Date.now() + READY_WITHIN_MS;
  while (Date.now() < until && up.exitCode === null) {
    const [api, page] = await Promise.all(
      [`${url}/readyz`, `${url}/`].map((each) => fetch(each).catch(() => null)),
    );
    if (api?.ok && page?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  await ended(up);
  throw new Error(`sens up is not ready with a console:\n${readFileSync(log, "utf8").slice(-4000)}`);
}

/** Tell it to end, unless it has, and wait until it has. */
export async function ended(up: ChildProcess, tell: () => void = () => up.kill("SIGTERM")): Promise<void> {
  if (up.exitCode !== null) return;
  const end = new Promise((resolve) => up.once("exit", resolve));
  tell();
  await end;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}
