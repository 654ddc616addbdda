// Creates the database and stores the keys of a file: the plugin creates one key, the others are copies of its row.
import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { getMigrations } from "better-auth/db/migration";
import { auth, database, options } from "./auth.mjs";

const { runMigrations } = await getMigrations(options);
await runMigrations();
const account = { name: "Owner", email: "owner@bench.test", password: "correct horse battery" };
const { user } = await auth.api.signUpEmail({ body: account });
const created = await auth.api.createApiKey({ body: { name: "Service", userId: user.id } });
const row = database.prepare("select * from apikey where id = ?").get(created.id);
const columns = Object.keys(row);
const insert = database.prepare(`insert into apikey (${columns.map((name) => `"${name}"`)}) values (${columns.map((name) => `@${name}`)})`);
database.transaction((keys) => {
  for (const key of keys) {
    insert.run({ ...row, id: randomUUID(), key: createHash("sha256").update(key).digest("base64url"), start: key.slice(0, 6) });
  }
})(readFileSync(process.argv[2], "utf8").split("\n"));
