import { existsSync } from "node:fs";
import { defineConfig, devices } from "@playwright/test";

const BROWSERS = ["/usr/bin/chromium", "/usr/bin/google-chrome", "/usr/bin/chromium-browser"];
const executablePath = process.env.SENS_CHROMIUM ?? BROWSERS.find(existsSync);

export default defineConfig({
  testDir: "e2e",
  globalSetup: "./e2e/stack.ts",
  // One stack on two cores: tests take turns, and wait for what happens instead of for a time.
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: process.env.CI ? [["list"]] : [["line"]],
  outputDir: "test-results",
  use: {
    launchOptions: {
      executablePath,
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    permissions: ["clipboard-read", "clipboard-write"],
    trace: "retain-on-failure",
  },
  projects: [
    { name: "desktop", use: { viewport: { width: 1360, height: 860 } } },
    {
      name: "wide",
      testMatch: "pages.spec.ts",
      grep: /every page can be read/,
      use: { viewport: { width: 1920, height: 1080 } },
    },
    {
      name: "phone",
      use: {
        ...devices["Pixel 7"],
        viewport: { width: 390, height: 844 },
        locale: "en-GB",
        timezoneId: "Europe/Berlin",
      },
    },
  ],
});
