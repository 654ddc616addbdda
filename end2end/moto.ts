// moto: Amazon S3 on this machine. It accepts any signature; tests/support/services.rs checks signatures.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

const program = process.env.MOTO ?? '../target/moto/bin/moto_server';

export class Moto {
  private constructor(
    private readonly child: ChildProcess,
    /** Base URL, without a trailing slash. */
    readonly url: string,
  ) {}

  /** Starts on a free port. */
  static async start(): Promise<Moto> {
    const child = spawn(program, ['--host', '127.0.0.1', '--port', '0'], { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    const url = await new Promise<string>((resolve, reject) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        log += chunk;
        const found = /Running on (http:\S+)/.exec(log)?.[1];
        if (found) {
          resolve(found.replace(/\/$/, ''));
        }
      });
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`moto exited: run \`cargo xtask setup\`\n${log}`)));
    });
    return new Moto(child, url);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.kill('SIGTERM')) {
      await once(this.child, 'exit');
    }
  }

  /** Creates a bucket in us-east-1 with these objects. */
  async addBucket(name: string, objects: Record<string, string>): Promise<void> {
    await this.#put(`/${name}`, '');
    for (const [key, content] of Object.entries(objects)) {
      await this.#put(`/${name}/${key}`, content);
    }
  }

  async #put(path: string, body: string): Promise<void> {
    const response = await fetch(this.url + path, { method: 'PUT', body });
    if (!response.ok) {
      throw new Error(`moto: ${path}: ${response.status} ${await response.text()}`);
    }
  }
}
