import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const api = process.env.SENS_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  // Nothing is inlined: the content security policy allows files of ours only.
  build: { target: "es2022", assetsInlineLimit: 0, manifest: true },
  // `npm run dev` shows changes at once, with the data of a stack that runs.
  server: { proxy: { "/api": api, "/version": api, "/healthz": api } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
