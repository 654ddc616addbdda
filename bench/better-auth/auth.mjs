// better-auth in a production configuration: SQLite with a write-ahead log, and the api-key plugin with a rate limit that is enabled but
// never reached, as for Latchkey here. It keeps the request count and the time of last use in the key's row, as its rate limit requires.
import Database from "better-sqlite3";
import { betterAuth } from "better-auth";
import { apiKey } from "@better-auth/api-key";

export const database = new Database(process.env.BENCH_DATABASE, { timeout: 10_000 });
database.pragma("journal_mode = WAL");
database.pragma("synchronous = NORMAL");

export const options = {
  database,
  baseURL: "http://127.0.0.1",
  secret: "benchmark only, not a real secret",
  emailAndPassword: { enabled: true },
  logger: { level: "error" },
  telemetry: { enabled: false },
  plugins: [apiKey({ rateLimit: { enabled: true, timeWindow: 60_000, maxRequests: 1_000_000_000 } })],
};

export const auth = betterAuth(options);
