// A Latchkey of the tests' own, and what a test can ask of it other than through the page.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = process.env.LATCHKEY_BIN ?? '../target/debug/latchkey';

export type Role = 'owner' | 'admin' | 'member' | 'viewer';

export interface Person {
  name: string;
  email: string;
  password: string;
  organization: string;
}

export class Server {
  /** All that the server said, on both outputs. */
  log = '';
  /** Where people reach it, without a slash at the end. */
  url = '';
  /** The one-time link, as it was printed. */
  setupLink = '';
  #people = 0;

  private constructor(
    private readonly child: ChildProcess,
    /** The data folder. */
    readonly folder: string,
  ) {}

  /** Starts on a free port, with an empty data folder. */
  static async start(environment: Record<string, string> = {}): Promise<Server> {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-'));
    const child = spawn(program, ['serve', '--data', folder, '--listen', '127.0.0.1:0'], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const server = new Server(child, folder);
    await new Promise<void>((ready, failed) => {
      const listen = (piece: Buffer) => {
        server.log += piece;
        const link = /^Set up Latchkey: (http\S+)$/m.exec(server.log)?.[1];
        if (link) {
          server.setupLink = link;
          server.url = new URL(link).origin;
          ready();
        }
      };
      child.stdout?.on('data', listen);
      child.stderr?.on('data', listen);
      child.once('error', failed);
      child.once('exit', () => failed(new Error(`latchkey ended:\n${server.log}`)));
    });
    return server;
  }

  /** Ends the server and removes its data. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.kill('SIGTERM')) {
      await once(this.child, 'exit');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs `latchkey admin`, beside the server. */
  admin(command: string[], input = ''): string {
    const options = ['--data', this.folder];
    return execFileSync(program, ['admin', ...command, ...options], { input, encoding: 'utf8' }).trim();
  }

  /** Makes a person; an owner gets an organization of their own, so that no test sees another's keys. */
  addPerson(role: Role = 'owner', organization?: string, name = 'Ada Lovelace'): Person {
    this.#people += 1;
    const person = {
      name,
      email: `${name.split(' ')[0].toLowerCase()}.${this.#people}@example.com`,
      password: 'correct horse battery staple',
      organization: organization ?? `Analytical Engines ${this.#people}`,
    };
    const { email, organization: of } = person;
    this.admin(
      ['create-user', '--email', email, '--name', name, '--role', role, '--organization', of, '--password-stdin'],
      person.password,
    );
    return person;
  }

  /** Makes a platform key that acts for a person. */
  platformKey(person: Person): string {
    return this.admin(['create-key', '--name', 'tests', '--days', '30', '--user', person.email]);
  }

  /** Calls the REST API. */
  async api(platformKey: string, path: string, body: unknown): Promise<any> {
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${platformKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) {
      throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    }
    return answer.json();
  }

  /** Reads something of the REST API. */
  async get(platformKey: string, path: string): Promise<any> {
    const answer = await fetch(`${this.url}/api/v1${path}`, { headers: { authorization: `Bearer ${platformKey}` } });
    if (!answer.ok) {
      throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    }
    return answer.json();
  }

  /** Makes an agent key. */
  addKey(platformKey: string, name: string): Promise<{ key: { id: string }; secret: string }> {
    return this.api(platformKey, '/keys', { kind: 'agent', name });
  }

  /** What verify says of a key. */
  verify(platformKey: string, key: string): Promise<{ valid: boolean; code: string; name: string | null }> {
    return this.api(platformKey, '/verify', { key });
  }

  /** Changes the database behind the server's back, for what would take too long, or ninety days, otherwise. */
  sql(script: string): void {
    // Python's, since node has had SQLite only since version 22.
    const run = 'import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=30).executescript(sys.stdin.read())';
    execFileSync('python3', ['-c', run, join(this.folder, 'latchkey.db')], { input: script });
  }

  /** Stores keys named `key 000001` and so on, made and used at various times, without secrets that anybody knows. */
  addManyKeys(person: Person, count: number, kind = 'agent'): void {
    const now = Date.now();
    this.sql(`
      with recursive number (n) as (select 1 union all select n + 1 from number where n < ${count})
      insert into api_keys (id, organization_id, kind, name, name_folded, unique_name, digest, mask, scopes, created_by,
        number, created_at, expires_at, last_used_at)
      select 'key_' || lower(hex(randomblob(16))), u.organization_id, '${kind}', called, called, iif('${kind}' = 'agent', called, null), randomblob(32),
        'lka_…' || substr(called, -4), '', u.id,
        n + (select coalesce(max(number), 0) from api_keys), ${now} - n * 1000, ${now} + n * 86400000 % 7776000000, iif(n % 3 = 0, null, ${now} - n * 7919 % 1000003)
      from (select n, printf('key %06d', n) as called from number), users u where u.email = '${person.email}'`);
  }

  /** What the server's own mistakes were. */
  panics(): string[] {
    return this.log.split('\n').filter((line) => line.includes('panicked at'));
  }

  /** All files of the data folder, by name. */
  files(): Map<string, Buffer> {
    return new Map(readdirSync(this.folder).map((name) => [name, readFileSync(join(this.folder, name))]));
  }
}
