// better-auth as one would run it: SQLite with a write-ahead log, its api-key plugin with its rate limit on and out of reach, as
// Latchkey's is here. It keeps count and last use in the key's row, as its rate limit needs.
import Database from "better-sqlite3";
import { betterAuth } from "better-auth";
import { apiKey } from "@better-auth/api-key";

export const database = new Database(process.env.BENCH_DATABASE, { timeout: 10_000 });
database.pragma("journal_mode = WAL");
database.pragma("synchronous = NORMAL");

export const options = {
  database,
  baseURL: "http://127.0.0.1",
  secret: "only for measuring, on this machine alone",
  emailAndPassword: { enabled: true },
  logger: { level: "error" },
  telemetry: { enabled: false },
  plugins: [apiKey({ rateLimit: { enabled: true, timeWindow: 60_000, maxRequests: 1_000_000_000 } })],
};

export const auth = betterAuth(options);
