// A Latchkey server with its own data directory, and the operations that tests perform on it without the page.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = process.env.LATCHKEY_BIN ?? '../target/debug/latchkey';

export type Role = 'owner' | 'admin' | 'member' | 'viewer';

export interface User {
  name: string;
  email: string;
  password: string;
  organization: string;
}

/** Runs SQL on a PostgreSQL database. */
export function psql(url: string, script: string): void {
  execFileSync('psql', ['--no-psqlrc', '--quiet', '--set', 'ON_ERROR_STOP=1', url], { input: script });
}

export class Server {
  /** Standard output and standard error. */
  log = '';
  /** Base URL, without a trailing slash. */
  url = '';
  /** The own base URL of an instance behind a balancer. */
  address = '';
  /** All instances behind the balancer. */
  instances: Server[] = [this];
  /** The one-time set-up link that the server printed. */
  setupLink = '';
  #userCount = 0;

  private constructor(
    private readonly child: ChildProcess,
    /** The data directory. */
    readonly dataDir: string,
    private readonly environment: Record<string, string>,
  ) {}

  /** Starts on a free port, with an empty data directory. */
  static async start(environment: Record<string, string> = {}): Promise<Server> {
    const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-'));
    const child = spawn(program, ['serve', '--data', dataDir], {
      env: { ...process.env, LATCHKEY_LISTEN: '127.0.0.1:0', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const server = new Server(child, dataDir, environment);
    await new Promise<void>((resolve, reject) => {
      const onOutput = (chunk: Buffer) => {
        server.log += chunk;
        const link = /^Set up Latchkey: (http\S+)$/m.exec(server.log)?.[1];
        if (link) {
          server.setupLink = link;
          server.url = new URL(link).origin;
          resolve();
        }
      };
      child.stdout?.on('data', onOutput);
      child.stderr?.on('data', onOutput);
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`latchkey exited:\n${server.log}`)));
    });
    return server;
  }

  /** Stops the server and deletes its data. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.kill('SIGTERM')) {
      await once(this.child, 'exit');
    }
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** Runs `latchkey admin` on the data directory of the running server. */
  admin(command: string[], input = ''): string {
    const options = ['--data', this.dataDir];
    return execFileSync(program, ['admin', ...command, ...options], { input, encoding: 'utf8', env: { ...process.env, ...this.environment } }).trim();
  }

  /** Creates a user. By default the owner of a new organization, so that tests do not share keys. */
  addUser(role: Role = 'owner', organization?: string, name = 'Ada Lovelace'): User {
    this.#userCount += 1;
    const user = {
      name,
      email: `${name.split(' ')[0].toLowerCase()}.${this.#userCount}@example.com`,
      password: 'correct horse battery staple',
      organization: organization ?? `Analytical Engines ${this.#userCount}`,
    };
    this.admin(
      ['create-user', '--email', user.email, '--name', name, '--role', role, '--organization', user.organization, '--password-stdin'],
      user.password,
    );
    return user;
  }

  /** Creates an internal key of a user. */
  createInternalKey(user: User, name = 'tests'): string {
    return this.admin(['create-key', '--name', name, '--days', '30', '--user', user.email]);
  }

  /** Sends a POST request to the REST API. */
  async api(internalKey: string, path: string, body: unknown): Promise<any> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${internalKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) {
      throw new Error(`${path}: ${response.status} ${await response.text()}`);
    }
    return response.json();
  }

  /** Sends a GET request to the REST API. */
  async get(internalKey: string, path: string): Promise<any> {
    const response = await fetch(`${this.url}/api/v1${path}`, { headers: { authorization: `Bearer ${internalKey}` } });
    if (!response.ok) {
      throw new Error(`${path}: ${response.status} ${await response.text()}`);
    }
    return response.json();
  }

  /** Creates an agent key. */
  addKey(internalKey: string, name: string): Promise<{ key: { id: string }; secret: string }> {
    return this.api(internalKey, '/keys', { kind: 'agent', name });
  }

  /** Returns the verdict on a key. */
  verify(internalKey: string, key: string): Promise<{ valid: boolean; code: string; name: string | null }> {
    return this.api(internalKey, '/verify', { key });
  }

  /** Changes the database directly, for states that the API does not reach quickly, such as an expired key. */
  sql(script: string): void {
    const database = this.environment.LATCHKEY_DATABASE_URL;
    if (database) {
      psql(database, script);
      return;
    }
    // Python's SQLite, because Node includes SQLite only since version 22.
    const run = 'import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=30).executescript(sys.stdin.read())';
    execFileSync('python3', ['-c', run, join(this.dataDir, 'latchkey.db')], { input: script });
  }

  /** An SQL expression for 32 random bytes. */
  get randomBytes(): string {
    return this.environment.LATCHKEY_DATABASE_URL ? 'sha256(cast(cast(random() as text) as bytea))' : 'randomblob(32)';
  }

  /** Inserts keys named `key 000001` and so on, with different times of creation and use and with unknown secrets. */
  addManyKeys(owner: User, count: number, kind = 'agent'): void {
    const now = Date.now();
    this.sql(`
      with recursive number (n) as (select 1 union all select n + 1 from number where n < ${count})
      insert into api_keys (id, organization_id, kind, name, name_folded, unique_name, digest, mask, scopes, created_by,
        number, created_at, expires_at, last_used_at, sorted_use_at)
      select 'key_' || lower(hex(randomblob(16))), u.organization_id, '${kind}', key_name, key_name, iif('${kind}' = 'agent', key_name, null), randomblob(32),
        'lka_…' || substr(key_name, -4), '', u.id,
        n + (select coalesce(max(number), 0) from api_keys), ${now} - n * 1000, ${now} + n * 86400000 % 7776000000, iif(n % 3 = 0, null, ${now} - n * 7919 % 1000003), iif(n % 3 = 0, 0, ${now} - n * 7919 % 1000003)
      from (select n, printf('key %06d', n) as key_name from number), users u where u.email = '${owner.email}'`);
  }

  /** Log lines of panics. */
  panics(): string[] {
    return this.instances.flatMap(({ log }) => log.split('\n')).filter((line) => line.includes('panicked at'));
  }

  /** Contents of all files below the data directory, by path. */
  files(): Map<string, Buffer> {
    const names = readdirSync(this.dataDir, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(this.dataDir, name)).isFile());
    return new Map(names.map((name) => [name, readFileSync(join(this.dataDir, name))]));
  }
}
